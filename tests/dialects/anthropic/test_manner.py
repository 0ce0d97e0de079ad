import json

from tests.dialects.anthropic.spoken import at, headers
from tests.dialects.sent import json_of
from torana.dialects.anthropic.manner import COUNTING, DIRECT, Manner

BODY = {"model": "m", "messages": [], "stream": True, "max_tokens": 5}
CLOUD = Manner(
    lambda model, stream: f"/models/{model}:{'streamRawPredict' if stream else 'rawPredict'}",
    version="vertex-2023-10-16",
    names_model=False,
)
OTHER_CLOUD = Manner(
    lambda model, stream: f"/model/{model}/invoke{'-with-response-stream' if stream else ''}",
    version="bedrock-2023-05-31",
    names_model=False,
    says_stream=False,
    betas_in_body=True,
)
CLIENTS = (("anthropic-version", "2026-10-21"), ("anthropic-beta", "a-1, b-2"))


def test_the_api_itself() -> None:
    message = DIRECT.message(BODY, at("claude-x", forwarded=CLIENTS), stream=True)
    assert (message.method, message.path) == ("POST", "/v1/messages")
    assert json_of(message) == BODY | {"model": "claude-x"}
    assert headers(message) == {
        "content-type": "application/json",
        "accept": "text/event-stream",
        "anthropic-version": "2026-10-21",
        "anthropic-beta": "a-1, b-2",
    }


def test_a_client_who_names_no_version() -> None:
    message = COUNTING.message(BODY, at("claude-x"), stream=False)
    assert message.path == "/v1/messages/count_tokens"
    assert headers(message)["anthropic-version"] == "2023-06-01"
    assert headers(message)["accept"] == "application/json"
    assert "anthropic-beta" not in headers(message)


def test_the_operators_fields_go_before_the_clients() -> None:
    message = DIRECT.message(BODY, at("claude-x", parameters={"max_tokens": 9, "model": "other"}), stream=False)
    assert json_of(message) == BODY | {"model": "claude-x", "max_tokens": 9}


def test_a_cloud_that_has_the_model_in_its_path() -> None:
    message = CLOUD.message(BODY, at("claude-x", forwarded=CLIENTS), stream=True)
    assert message.path == "/models/claude-x:streamRawPredict"
    told = {"messages": [], "stream": True, "max_tokens": 5, "anthropic_version": "vertex-2023-10-16"}
    assert json_of(message) == told
    assert "anthropic-version" not in headers(message)
    assert headers(message)["anthropic-beta"] == "a-1, b-2"


def test_a_cloud_that_has_everything_in_its_path() -> None:
    message = OTHER_CLOUD.message(BODY, at("claude-x", forwarded=CLIENTS), stream=True)
    assert message.path == "/model/claude-x/invoke-with-response-stream"
    told = json_of(message)
    assert (told["anthropic_beta"], told["anthropic_version"]) == (["a-1", "b-2"], "bedrock-2023-05-31")
    assert not told.keys() & {"model", "stream"}
    assert "anthropic-beta" not in headers(message)


def test_what_the_client_sent_arrives_as_it_was() -> None:
    body = {"model": "m", "odd": {"ß": [1.5, None, 12345678901234567890]}, "messages": []}
    message = DIRECT.message(json.loads(json.dumps(body)), at("claude-x"), stream=False)
    assert json_of(message)["odd"] == body["odd"]
