import json

import msgspec
import pytest

from torana.dialects.openai_language.chat.answers import Call, Message, parts_of, stop_of
from torana.families.language.words import Media, Reasoning, Refusal, Text, ToolCall


def message(**members):
    return msgspec.json.decode(json.dumps(members).encode(), type=Message)


@pytest.mark.parametrize(
    ("members", "parts"),
    [
        ({"content": "Hi"}, (Text("Hi"),)),
        ({"content": ""}, ()),
        ({"content": None, "refusal": "No."}, (Refusal("No."),)),
        ({"content": "a", "reasoning_content": "b", "reasoning": "b"}, (Reasoning("b"), Text("a"))),
        ({"content": "a", "reasoning": {"odd": 1}}, (Text("a"),)),
        ({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "b"}]}, {"type": "text", "text": "a"},
                      {"type": "reference", "reference_ids": [1]}, "odd"]}, (Reasoning("b"), Text("a"))),
        ({"thinking_blocks": [{"type": "thinking", "thinking": "b", "signature": "s"},
                              {"type": "redacted_thinking", "data": "d"}], "reasoning_content": "b"},
         (Reasoning("b", "s"), Reasoning(sealed="d"))),
        ({"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": {"a": 1}}}]},
         (ToolCall("c", "f", '{"a":1}'),)),
        ({"tool_calls": [{"function": {"name": "f"}}, {"function": {"name": "g", "arguments": "{}"}}]},
         (ToolCall("call_3_0", "f", ""), ToolCall("call_3_1", "g", "{}"))),
        ({"function_call": {"name": "f", "arguments": "{}"}}, (ToolCall("call_3_0", "f", "{}"),)),
        ({"images": [{"type": "image_url", "image_url": {"url": "data:image/webp;base64,AAAA"}},
                     {"image_url": "https://h/a.png"}, 7]},
         (Media("image", base64="AAAA", media_type="image/webp"), Media("image", url="https://h/a.png"))),
        ({"audio": {"id": "a", "data": "AAAA", "transcript": "hi"}}, (Media("audio", base64="AAAA"),)),
    ],
)  # fmt: skip
def test_parts(members, parts):
    assert parts_of(message(**members), 3) == parts


@pytest.mark.parametrize(
    ("extra", "signature"),
    [({"google": {"thought_signature": "s"}}, "s"), ({"google": None}, None), ({"google": {"thought_signature": 1}},
     None), ([], None), (None, None)],
)  # fmt: skip
def test_seals(extra, signature):
    assert Call(extra_content=extra).signature == signature


@pytest.mark.parametrize(
    ("reason", "calls", "refused", "stop"),
    [
        ("stop", False, False, "end"),
        ("stop", True, False, "tool"),
        ("stop", False, True, "refusal"),
        ("tool_calls", True, False, "tool"),
        ("function_call", True, False, "tool"),
        ("length", True, False, "length"),
        ("MAX_TOKENS", False, False, "length"),
        ("model_length", False, False, "length"),
        ("content_filter", False, False, "filter"),
        ("eos", False, False, "end"),
        (None, False, False, "end"),
    ],
)
def test_why_it_stopped(reason, calls, refused, stop):
    assert stop_of(reason, calls=calls, refused=refused) == stop
