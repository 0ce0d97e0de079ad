import pytest

from tests.assembly.importing.kit import deployments, imported
from torana.assembly.importing.litellm.deployments import groups_of, timeouts
from torana.assembly.importing.report import Outcome


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("a: {api_key: x}", "no `litellm_params.model`"),
        ("a: {model: nobody/claude}", "no provider that Torana knows is called 'nobody'"),
        ("a: {model: claude}", "nobody says whose 'claude' is"),
        ("a: {model: openai/*}", "write those to be had at `providers.openai.models`"),
        ("'*': {model: openai/gpt-image-2}", "models are named one by one"),
        ("a: {model: openai/}", "names no model"),
        ("a: {model: fal_ai/none}", "has no model 'none' here. It has:"),
    ],
)
def test_what_cannot_be_taken_over(entry: str, says: str) -> None:
    made = imported(deployments(entry))
    assert made.targets == {}
    assert says in made.told(Outcome.LEFT)["model_list[0]"]


def test_models_of_language_are_taken_over_and_told() -> None:
    made = imported(
        "{model_list: [{model_name: a, litellm_params: {model: gpt-4o}, model_info: {mode: chat}},"
        " {model_name: b, litellm_params: {model: claude-haiku-4-5}, model_info: {mode: embedding}}]}"
    )
    assert made.targets == {"a": ["openai/gpt-4o"], "b": ["anthropic/claude-haiku-4-5"]}
    assert "whatever its provider can do" in made.told(Outcome.MOOT)["model_list[0].model_info.mode"]
    assert "does not do 'embedding'" in made.told(Outcome.LEFT)["model_list[1].model_info.mode"]


def test_a_model_that_was_taken_away() -> None:
    made = imported(deployments("dall-e-2: {model: dall-e-2}"))
    assert made.targets == {"dall-e-2": ["openai/dall-e-2"]}
    assert "took it away" in made.told(Outcome.TO_DO)["model_list[0]"]


def test_fields_that_go_along_unless_they_look_like_secrets() -> None:
    made = imported(
        deployments("a: {model: gpt-image-2, quality: high, extra_body: {steps: 4, api_token: x, deep: {a: 1}}}")
    )
    (target,) = made.document["models"]["a"]["targets"]
    assert target["parameters"] == {"quality": "high", "steps": 4}
    places = {f"model_list[0].litellm_params.extra_body.{name}" for name in ("api_token", "deep")}
    assert places <= set(made.told(Outcome.LEFT))


def test_credentials_by_name() -> None:
    made = imported(
        "credential_list: [{credential_name: eu, credential_values: {api_key: os.environ/EU, api_base: 'https://eu.example'}}]\n"
        + deployments("a: {model: azure/mine, litellm_credential_name: eu, api_base: 'https://own.example'}")
    )
    account = made.document["providers"]["azure"]
    assert (account["base_url"], account["api_key"]) == ("https://own.example", {"env": "EU"})


def test_timeouts() -> None:
    assert timeouts(30.0) == {"timeouts": {"first_byte": "30s", "total": "30s"}}
    assert timeouts(None) == timeouts(-1.0) == {}
    made = imported("router_settings: {timeout: 30}\n" + deployments("a: {model: gpt-image-2, timeout: 60}"))
    assert made.document["providers"]["openai"]["timeouts"]["total"] == "60s"


def test_groups_keep_their_order() -> None:
    assert groups_of([]) == {}
    assert [*imported(deployments("b: {model: gpt-image-2}", "a: {model: gpt-image-2}")).targets] == ["b", "a"]
