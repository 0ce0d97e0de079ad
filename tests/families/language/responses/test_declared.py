import json

from openai.types.responses import ResponseErrorEvent

from torana.families.faults import Fault
from torana.families.language.responses.declared import CANCEL, DELETE, INPUT_ITEMS, RETRIEVE, WORDING

FAULT = Fault(429, "Slow down.", "rate_limit_error", None, "rate_limit_exceeded", "req_1")


def test_an_error_in_a_stream_is_an_event_of_its_own():
    name, data = WORDING.event(FAULT).decode().strip().split("\n")
    told = json.loads(data.removeprefix("data: "))
    assert name == "event: error"
    ResponseErrorEvent.model_validate(told)
    assert (told["code"], told["message"]) == ("rate_limit_exceeded", "Slow down.")


def test_any_other_error_is_openais():
    assert json.loads(WORDING.body(FAULT))["error"]["code"] == "rate_limit_exceeded"


def test_kept_responses_have_paths():
    told = {(endpoint.method, endpoint.path) for endpoint in (RETRIEVE, DELETE, INPUT_ITEMS, CANCEL)}
    assert told == {
        ("GET", "/responses/{response_id}"),
        ("DELETE", "/responses/{response_id}"),
        ("GET", "/responses/{response_id}/input_items"),
        ("POST", "/responses/{response_id}/cancel"),
    }
