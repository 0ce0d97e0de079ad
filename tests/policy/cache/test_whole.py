import json

import pytest

from torana.policy.cache.whole import keepable, whole


@pytest.mark.parametrize(
    ("operation", "answer", "is_whole"),
    [
        ("chat.completions", {"choices": [{"finish_reason": "stop"}]}, True),
        ("chat.completions", {"choices": [{"finish_reason": "tool_calls"}]}, True),
        ("chat.completions", {"choices": [{"finish_reason": "stop"}, {"finish_reason": "length"}]}, False),
        ("chat.completions", {"choices": [{"finish_reason": "content_filter"}]}, False),
        ("chat.completions", {"choices": [{}]}, False),
        ("chat.completions", {"choices": []}, False),
        ("chat.completions", {"error": {}}, False),
        ("completions", {"choices": [{"finish_reason": "stop"}]}, True),
        ("messages", {"stop_reason": "end_turn"}, True),
        ("messages", {"stop_reason": "max_tokens"}, False),
        ("messages", {}, False),
        ("responses", {"status": "completed"}, True),
        ("responses", {"status": "incomplete"}, False),
        ("embeddings", {"data": []}, True),
        ("rerank", {}, False),
    ],
)
def test_what_ended_of_itself(operation, answer, is_whole):
    assert whole(operation, json.dumps(answer).encode()) is is_whole


@pytest.mark.parametrize("data", [b"", b"[1]", b'{"choices": 3}', b'{"choices": [{"finish_reason": 1}]}', b"[" * 9999])
def test_what_makes_no_sense_is_not_whole(data):
    assert not whole("chat.completions", data)


def test_what_stands_by_itself_may_be_kept():
    assert keepable("responses", {"input": "x", "previous_response_id": None})
    assert not keepable("responses", {"input": "x", "previous_response_id": "resp_1"})
    assert not keepable("images.generations", {})
    assert not keepable("audio.speech", {"input": "x"})
