from pathlib import Path

import pytest

from tests.cli.command import CONFIG, run
from torana.assembly.providers import OPERATIONS

STATUSES = "401, 403, 404, 408, 429, 500, 502, 503, 504"
ROUTED = f"""{CONFIG}
  house:
    fallback_on: [503, 429]
    hedge_after: 8s
    targets:
      - {{target: echo/echo, priority: 2}}
      - {{target: studio/patchwork, priority: 1, when: {{team: blue}}}}
      - {{target: lab/redux}}
  shared:
    order: weight
    sticky: subject
    targets: [{{target: lab/one}}, {{target: lab/two}}, {{target: lab/three}}]
  chance: {{order: weight, targets: [{{target: lab/one}}, {{target: lab/two, weight: 7}}]}}
  fast: {{order: latency, targets: [{{target: lab/one}}]}}
  red: {{targets: [{{target: echo/echo, when: {{team: red, tier: gold}}}}]}}
""".replace(
    "echo: {type: echo}", "echo: {type: echo}\n  lab: {type: openai-compatible, base_url: http://127.0.0.1:9/v1}"
)


@pytest.fixture
def routed(here: Path) -> Path:
    here.joinpath("routed.yaml").write_text(ROUTED)
    return Path("routed.yaml")


def test_the_targets_alone(routed: Path) -> None:
    done = run("route", "house", "-c", routed)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "lab/redux\necho/echo\n", "")


def test_each_with_its_reasons(routed: Path) -> None:
    done = run("route", "house", "-c", routed, "--metadata", "team=blue", "--explain")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "Tried by priority, then as written. The next one is tried after 429, 503. A second is asked too after 8 s.",
        " 1  lab/redux         priority 0",
        " 2  studio/patchwork  priority 1, only when metadata has team=blue",
        " 3  echo/echo         priority 2",
    ]


def test_those_of_no_use_come_last(routed: Path) -> None:
    done = run("route", "house", "-c", routed, "--operation", "images.generations", "--explain")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[1:] == [
        " 1  lab/redux         priority 0",
        " -  echo/echo         cannot do images.generations",
        " -  studio/patchwork  cannot do images.generations",
    ]


def test_the_same_caller_gets_the_same_order(routed: Path) -> None:
    orders = {name: run("route", "shared", "-c", routed, "--subject", name).stdout for name in map(str, range(20))}
    assert len(set(orders.values())) > 1
    assert all(run("route", "shared", "-c", routed, "--subject", name).stdout == orders[name] for name in orders)
    told = run("route", "shared", "-c", routed, "--subject", "1", "--explain").stdout
    assert told.count("priority 0, sticky by subject, weight 1") == 3


def test_orders_that_are_not_known_beforehand(routed: Path) -> None:
    by_weight = run("route", "chance", "-c", routed, "--explain").stdout.splitlines()
    assert by_weight[0] == (
        f"Tried by weight; where chance decides, the likeliest order is shown. The next one is tried after {STATUSES}."
    )
    assert by_weight[1:] == [" 1  lab/two  priority 0, weight 7", " 2  lab/one  priority 0, weight 1"]
    by_latency = run("route", "fast", "-c", routed, "--explain").stdout
    assert by_latency.startswith("Tried the fastest first, which only a running gateway knows. ")
    assert "latency not known" in by_latency


def test_a_call_that_no_target_is_for(routed: Path) -> None:
    done = run("route", "red", "-c", routed, "--metadata", "team=red", "--explain")
    assert done.exit_code == 1
    assert done.stderr == "No target of the model 'red' is for a call with this metadata.\n"
    assert " -  echo/echo  only when metadata has team=red, only when metadata has tier=gold" in done.stdout
    assert run("route", "red", "-c", routed, "--metadata", "team=red", "--metadata", "tier=gold").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("none",), "The model 'none' does not exist here.\n"),
        (("lab/dall-e-2",), "The model 'lab/dall-e-2' was retired by its maker; it was replaced by: "),
        (("vary", "--operation", "images.generations"), "The model 'vary' cannot do images.generations.\n"),
        (("vary", "--operation", "fly"), "'fly' is not one of 'chat.completions', "),
        (("vary", "--metadata", "blue"), "'blue' is not NAME=VALUE, such as team=blue.\n"),
        (("vary", "--metadata", "=blue"), "'=blue' is not NAME=VALUE, such as team=blue.\n"),
    ],
)
def test_mistakes(routed: Path, arguments: tuple[str, ...], says: str) -> None:
    done = run("route", *arguments, "-c", routed)
    assert (done.exit_code, done.stdout) == (2, "")
    assert says in done.stderr


def test_without_a_configuration() -> None:
    done = run("route", "patchwork")
    assert (done.exit_code, done.stdout) == (0, "studio/patchwork\n")


def test_every_operation_can_be_asked_about() -> None:
    told = run("route", "patchwork", "--operation", "none").stderr
    assert all(f"'{operation}'" in told for operation in OPERATIONS)
