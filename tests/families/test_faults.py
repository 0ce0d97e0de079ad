import json

from torana.families.faults import OPENAI, Fault

FAULT = Fault(400, "No.", "invalid_request_error", "n", None, "req_1")
ERROR = {"error": {"message": "No.", "type": "invalid_request_error", "param": "n", "code": None}}


def test_openais_error_has_all_four_members():
    assert json.loads(OPENAI.body(FAULT)) == ERROR


def test_in_a_stream_it_is_an_event():
    name, data, *rest = OPENAI.event(FAULT).decode().split("\n")
    assert (name, rest) == ("event: error", ["", ""])
    assert json.loads(data.removeprefix("data: ")) == ERROR
