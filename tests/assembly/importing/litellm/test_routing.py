from typing import Any

import pytest

from tests.assembly.importing.kit import Import, deployments, imported
from torana.assembly.importing.report import Outcome

THREE = deployments("a: {model: gpt-image-2}", "b: {model: recraft/recraftv3}", "c: {model: stability/sd3.5-large}")


def targets(made: Import, name: str) -> list[dict[str, Any]]:
    written: list[dict[str, Any]] = made.document["models"][name]["targets"]
    return written


def test_shares_by_weight_else_by_rate() -> None:
    made = imported(
        deployments(
            "a: {model: gpt-image-2, rpm: 10}", "a: {model: recraft/recraftv3, rpm: 30}",
            "b: {model: gpt-image-2, weight: 0.25, rpm: 7}", "b: {model: recraft/recraftv3, weight: 0.75}",
            "c: {model: gpt-image-2, tpm: 100}", "c: {model: recraft/recraftv3}",
        )
    )  # fmt: skip
    assert [[each["weight"] for each in targets(made, name)] for name in "abc"] == [[10, 30], [250, 750], [100, 0]]
    told = made.told(Outcome.TAKEN)
    assert "it has no tpm" in told["model_list[5]"]
    assert "the target's weight, too" in told["model_list[0].litellm_params.rpm"]
    assert "weight" not in told.get("model_list[2].litellm_params.rpm", "")


def test_a_share_of_one_is_no_weight() -> None:
    made = imported(deployments("a: {model: gpt-image-2, rpm: 10}", "b: {model: gpt-image-2, weight: 3}"))
    assert [target for name in "ab" for target in targets(made, name)] == [{"target": "openai/gpt-image-2"}] * 2
    assert "weight" not in made.told(Outcome.TAKEN)["model_list[0].litellm_params.rpm"]


def test_orders_are_priorities() -> None:
    made = imported(
        deployments(
            "a: {model: gpt-image-2}",
            "a: {model: recraft/recraftv3, order: 5}",
            "a: {model: stability/sd3.5-large, order: 2}",
        )
    )
    assert [each.get("priority", 0) for each in targets(made, "a")] == [2, 1, 0]


def test_fallbacks_come_after_and_bring_their_own() -> None:
    made = imported(
        THREE + "router_settings: {fallbacks: [{a: [b]}, {b: [c, a]}]}\nlitellm_settings: {fallbacks: [{a: [c]}]}"
    )
    assert made.targets["a"] == ["openai/gpt-image-2", "recraft/recraftv3", "stability/sd3.5-large"]
    assert [each.get("priority", 0) for each in targets(made, "a")] == [0, 1, 2]
    assert made.targets["b"] == ["recraft/recraftv3", "stability/sd3.5-large", "openai/gpt-image-2"]


@pytest.mark.parametrize(
    "settings",
    [
        "router_settings: {default_fallbacks: [b]}",
        "litellm_settings: {default_fallbacks: [b]}",
        "router_settings: {fallbacks: [{'*': [b]}]}",
        "router_settings: {fallbacks: [{a: [b, c]}, {c: [b]}], max_fallbacks: 1}",
    ],
)
def test_fallbacks_of_all(settings: str) -> None:
    made = imported(THREE + settings)
    assert made.targets["a"] == ["openai/gpt-image-2", "recraft/recraftv3"]
    assert made.targets["b"][0] == "recraft/recraftv3"


def test_fallbacks_that_lead_nowhere_are_told() -> None:
    made = imported(THREE + "router_settings: {fallbacks: [{a: [gone]}, {lost: [a]}]}")
    told = made.told(Outcome.LEFT)
    assert "no model 'gone'" in told["router_settings.fallbacks[0].a[0]"]
    assert "no model 'lost'" in told["router_settings.fallbacks[1].lost"]


def test_no_target_stands_twice() -> None:
    made = imported(
        deployments("a: {model: gpt-image-2}", "b: {model: gpt-image-2}") + "litellm_settings: {fallbacks: [{a: [b]}]}"
    )
    assert made.targets["a"] == ["openai/gpt-image-2"]


def test_aliases_lead_where_their_models_do() -> None:
    made = imported(
        THREE
        + "router_settings: {model_group_alias: {x: a, y: {model: b, hidden: true}, c: a, z: gone}, "
        + "fallbacks: [{a: [b]}]}"
    )
    assert (made.targets["x"], made.targets["y"]) == (made.targets["a"], made.targets["b"])
    places = [f"router_settings.model_group_alias.{name}" for name in ("y.hidden", "c", "z")]
    assert set(places) <= set(made.told(Outcome.LEFT))


@pytest.mark.parametrize(
    ("strategy", "order", "left"),
    [("simple-shuffle", "weight", False), ("latency-based-routing", "latency", False), ("least-busy", "weight", True)],
)
def test_strategies(strategy: str, order: str, *, left: bool) -> None:
    made = imported(THREE + f"router_settings: {{routing_strategy: {strategy}}}")
    assert made.document["models"]["a"]["order"] == order
    assert ("router_settings.routing_strategy" in made.told(Outcome.LEFT)) is left


@pytest.mark.parametrize(
    ("settings", "circuit"),
    [
        ("router_settings: {allowed_fails: 3, cooldown_time: 0.5}", {"min_calls": 4, "open_for": "500ms"}),
        ("litellm_settings: {allowed_fails: 0}", {"min_calls": 1}),
        ("router_settings: {allowed_fails: 3, disable_cooldowns: true}", {"min_calls": 1_000_000}),
        ("router_settings: {disable_cooldowns: false, cooldown_time: never}", None),
    ],
)
def test_cooldowns_are_circuits(settings: str, circuit: object) -> None:
    assert imported(THREE + settings).document["models"]["a"].get("circuit") == circuit


def test_a_name_that_is_none_of_ours() -> None:
    made = imported(deployments("vendor/image: {model: gpt-image-2}"))
    assert [*made.targets] == ["vendor-image"]
    assert made.told(Outcome.TO_DO)["model_list[0].model_name"] == "callers must ask for 'vendor-image' instead."
