import pytest

from tests.assembly.importing.kit import deployments, imported
from torana.assembly.importing.report import Outcome


def test_deployments_that_share_an_account_share_it() -> None:
    made = imported(
        deployments(
            "a: {model: openai/gpt-image-2, api_key: os.environ/OPENAI_API_KEY}",
            "b: {model: gpt-image-2.5-flare}",
            "c: {model: openai/gpt-image-2, api_key: os.environ/OTHER}",
        )
    )
    assert made.targets == {
        "a": ["openai/gpt-image-2"], "b": ["openai/gpt-image-2.5-flare"], "c": ["openai-2/gpt-image-2"],
    }  # fmt: skip
    assert {name: account["api_key"] for name, account in made.document["providers"].items()} == {
        "openai": {"env": "OPENAI_API_KEY"}, "openai-2": {"env": "OTHER"},
    }  # fmt: skip
    assert "OPENAI_API_KEY" in made.told(Outcome.TO_DO)["model_list[1]"]


def test_keys_of_several_parts_become_one() -> None:
    model = "bedrock/stability.stable-style-transfer-v1:0"
    made = imported(
        deployments(
            f"a: {{model: '{model}', aws_region_name: eu-west-1, aws_access_key_id: AKIA, aws_secret_access_key: x}}",
            f"b: {{model: '{model}', aws_region_name: eu-west-1, api_key: os.environ/BEARER}}",
        )
    )
    accounts = made.document["providers"]
    assert accounts["bedrock"]["api_key"] == {"env": "TORANA_BEDROCK_API_KEY"}
    assert accounts["bedrock"]["options"] == {"region": "eu-west-1"}
    assert accounts["bedrock-2"]["api_key"] == {"env": "BEARER"}
    told = made.told(Outcome.TO_DO)
    assert (
        "aws_access_key_id, aws_secret_access_key, joined by colons"
        in told["model_list[0].litellm_params.aws_access_key_id"]
    )
    assert "AKIA" not in str(made)


def test_a_key_in_a_file() -> None:
    made = imported(
        deployments("a: {model: vertex_ai/gemini-2.5-flash-image, vertex_project: p, vertex_credentials: /k/v.json}")
    )
    assert made.document["providers"]["vertex_ai"]["api_key"] == {"file": "/k/v.json"}


def test_what_only_another_environment_knows_is_left_to_be_written() -> None:
    params = "{model: azure/mine, api_base: os.environ/BASE, api_key: os.environ/KEY}"
    made = imported(deployments(f"a: {params}"))
    assert made.document["providers"]["azure"]["base_url"] == "https://azure.invalid"
    assert "`providers.azure.base_url`" in made.told(Outcome.LEFT)["model_list[0]"]
    known = imported(deployments(f"a: {params}"), BASE="https://mine.example")
    assert known.document["providers"]["azure"]["base_url"] == "https://mine.example"
    assert known.told(Outcome.LEFT) == {}


def test_an_option_that_nobody_told() -> None:
    made = imported(deployments("a: {model: vertex_ai/gemini-2.5-flash-image, vertex_location: us-central1}"))
    assert made.document["providers"]["vertex_ai"]["options"] == {"project": "SET-ME"}
    told = made.told(Outcome.LEFT)
    assert "`providers.vertex_ai.options.project`" in told["model_list[0]"]
    assert "global" in told["model_list[0].litellm_params.vertex_location"]


@pytest.mark.parametrize("address", ["https://user:pass@host.example/v1", "os.environ/ELSEWHERE"])
def test_what_is_meant_for_a_server_elsewhere_never_goes_to_the_vendor(address: str) -> None:
    made = imported(deployments(f"a: {{model: openai/gpt-image-2, api_base: '{address}', api_key: os.environ/MINE}}"))
    account = made.document["providers"]["openai"]
    assert (account["type"], account["base_url"]) == ("openai-compatible", "https://openai.invalid")
    assert "pass" not in str(made)
    places = {"model_list[0]", "model_list[0].litellm_params.api_base"}
    assert places <= set(made.told(Outcome.LEFT))
