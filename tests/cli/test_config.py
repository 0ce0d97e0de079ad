from pathlib import Path

import pytest

from tests.cli.command import CONFIG, run

BAD = """\
server:
  prot: 8787
  drain: soon
  port: 70000
uploads: {max_body: many}
auth:
  issuers:
    - {issuer: https://tokens.example, audience: torana, algorithms: [HS256]}
    - {issuer: https://tokens.example, algorithms: [none], jwks_file: keys.json}
providers:
  -echo: {type: echo}
models:
  vary: {targets: []}
  vary: {targets: [{target: studio}]}
"""


def test_a_sound_file(config: Path) -> None:
    done = run("config", "check", config)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == "gateway.yaml is sound. Models: 1, accounts: 2.\n"


def test_a_secret_that_is_not_here_is_no_mistake(config: Path) -> None:
    done = run("config", "check", config, CLI_SECRET="")
    assert done.exit_code == 0
    assert done.stderr == "Note: here, environment variable CLI_SECRET is not set; it must be where the gateway runs.\n"


def test_models_that_budgets_refuse_are_noted(config: Path) -> None:
    config.write_text(
        config.read_text().replace(
            "providers:",
            "providers:\n  lab: {type: ollama, base_url: 'http://lab:1', models: [a]}"
            "\n  far: {type: openai, api_key: {env: CLI_SECRET}, models: [new]}",
        )
        + "budgets: [{name: all, limit: 5}]\n"
    )
    done = run("config", "check", config)
    assert done.exit_code == 0
    told = "budgets refuse calls of far/new: nobody knows their price, unless `providers.NAME.prices` tells."
    assert done.stderr == f"Note: {told}\n"


def test_every_mistake_with_its_line(here: Path) -> None:
    here.joinpath("bad.yaml").write_text(BAD)
    done = run("config", "check", "bad.yaml")
    assert (done.exit_code, done.stdout) == (2, "")
    told = {": ".join(sentence.split(": ")[:2]) for sentence in done.stderr.splitlines()}
    assert told >= {
        "line 2: server.prot",
        "line 3: server.drain",
        "line 4: server.port",
        "line 5: uploads.max_body",
        "line 8: auth.issuers[0]",
        "line 9: auth.issuers[1]",
        "line 9: auth.issuers[1].algorithms[0]",
        "line 11: providers.'-echo'",
        "line 13: models.vary.targets",
        "line 14: models.vary",
    }
    assert "Did you mean `port`?" in done.stderr
    assert "expected a duration such as 30s, 5m or 1h, got 'soon'." in done.stderr


def test_what_settings_mean_together_is_checked_too(here: Path) -> None:
    wrong = CONFIG.replace("type: local", "type: crystal-ball").replace("echo/echo", "echo/parrot")
    here.joinpath("bad.yaml").write_text(wrong)
    done = run("config", "check", "bad.yaml")
    assert done.exit_code == 2
    assert [line.split(": ")[0] for line in done.stderr.splitlines()] == ["line 5", "line 8"]
    assert "no such type of provider" in done.stderr
    assert "`echo` has no model `parrot`. It has: echo." in done.stderr


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"server: [", "line 1: not valid YAML"),
        (b"\xff\xfe", "bad.yaml: is not UTF-8 text"),
        (b"", "models: no model can be named"),
        (b"- a list", "line 1: expected settings"),
    ],
)
def test_what_is_no_configuration_at_all(here: Path, content: bytes, says: str) -> None:
    here.joinpath("bad.yaml").write_bytes(content)
    done = run("config", "check", "bad.yaml")
    assert (done.exit_code, done.stdout) == (2, "")
    assert says in done.stderr


def test_a_file_that_is_not_there() -> None:
    done = run("config", "check", "nowhere.yaml")
    assert (done.exit_code, done.stderr) == (2, "nowhere.yaml: cannot be read: No such file or directory\n")
