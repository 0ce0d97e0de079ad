import pytest

from torana.core.errors import InvalidRequest
from torana.families.language.chat.messages import hear_messages, sealed_call
from torana.families.language.words import Media, Reasoning, Refusal, Text, ToolCall, ToolResult, Turn

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}


def said(**members):
    return hear_messages([{"role": "assistant", **members}])[0].parts


def test_turns():
    assert hear_messages([
        {"role": "system", "content": "Be kind."},
        {"role": "developer", "content": [{"type": "text", "text": "Be brief."}], "name": "boss"},
        {"role": "user", "content": "Hi", "name": "anna"},
        {"role": "assistant", "content": "Hello", "refusal": None, "tool_calls": None},
    ]) == (
        Turn("system", (Text("Be kind."),)),
        Turn("system", (Text("Be brief."),), "boss"),
        Turn("user", (Text("Hi"),), "anna"),
        Turn("assistant", (Text("Hello"),)),
    )  # fmt: skip


def test_a_loop_of_tools():
    other = CALL | {"id": "c2", "function": {"name": "g", "arguments": ""}}
    assert hear_messages([
        {"role": "assistant", "content": None, "tool_calls": [CALL, other]},
        {"role": "tool", "tool_call_id": "c1", "content": "1"},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "image_url", "image_url": "https://h/a.png"}],
         "cache_control": {"type": "ephemeral"}},
        {"role": "user", "content": "And?"},
    ]) == (
        Turn("assistant", (ToolCall("c1", "f", '{"a":1}'), ToolCall("c2", "g", "{}"))),
        Turn("tool", (ToolResult("c1", (Text("1"),), name="f"),
                      ToolResult("c2", (Media("image", url="https://h/a.png"),), name="g",
                                 cached={"type": "ephemeral"}))),
        Turn("user", (Text("And?"),)),
    )  # fmt: skip


def test_a_loop_of_functions():
    asked = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}
    turns = hear_messages([asked, {"role": "function", "name": "f", "content": "1"},
                           asked, {"role": "function", "name": "f", "content": "2"}])  # fmt: skip
    calls = [part for turn in turns for part in turn.parts if isinstance(part, ToolCall)]
    results = [part for turn in turns for part in turn.parts if isinstance(part, ToolResult)]
    assert [result.call_id for result in results] == [call.id for call in calls]
    assert calls[0].id != calls[1].id
    assert [result.name for result in results] == ["f", "f"]


def test_an_answer_that_says_nothing_is_none():
    assert hear_messages([{"role": "assistant", "content": None}, {"role": "assistant", "content": ""}]) == ()
    assert said(content="", tool_calls=[CALL]) == (ToolCall("c1", "f", '{"a":1}'),)


def test_refusals():
    assert said(content=None, refusal="No.") == (Refusal("No."),)
    assert said(content=[{"type": "refusal", "refusal": "No."}]) == (Refusal("No."),)


@pytest.mark.parametrize(
    ("members", "thoughts"),
    [
        ({"reasoning_content": "Hm."}, (Reasoning("Hm."),)),
        ({"reasoning": "Hm."}, (Reasoning("Hm."),)),
        ({"reasoning_content": "Hm.", "thinking_blocks": [{"type": "thinking", "thinking": "Hm.", "signature": "s"}]},
         (Reasoning("Hm.", "s"),)),
        ({"thinking_blocks": [{"type": "redacted_thinking", "data": "d"}, {"thinking": "b", "id": "rs_1"}]},
         (Reasoning(sealed="d"), Reasoning("b", id="rs_1"))),
        ({"thinking_blocks": [{"index": 0, "thinking": "a"}, {"index": 0, "thinking": "b"},
                              {"index": 0, "signature": "s"}, {"index": 1, "thinking": "c"}]},
         (Reasoning("ab", "s"), Reasoning("c"))),
        ({"thinking_blocks": [], "reasoning_content": ""}, ()),
    ],
)  # fmt: skip
def test_thoughts_come_first(members, thoughts):
    assert said(content="So.", **members) == (*thoughts, Text("So."))


@pytest.mark.parametrize(
    "kept",
    [
        sealed_call("s"),
        {"provider_specific_fields": {"thought_signature": "s"}},
        {"extra_content": {"google": 1}, "provider_specific_fields": {"thought_signature": "s"}},
    ],
)
def test_a_call_keeps_its_seal(kept):
    assert said(tool_calls=[CALL | dict(kept)]) == (ToolCall("c1", "f", '{"a":1}', "s"),)


def test_a_call_without_a_seal():
    assert sealed_call(None) == {}
    assert said(tool_calls=[CALL | {"extra_content": {"google": {}}}])[0].signature is None


@pytest.mark.parametrize(
    ("message", "param", "code"),
    [
        ({"content": "Hi"}, "messages[1].role", "missing_required_parameter"),
        ({"role": "robot"}, "messages[1].role", "invalid_value"),
        ({"role": "user"}, "messages[1].content", "invalid_value"),
        ({"role": "user", "content": 7}, "messages[1].content", "invalid_type"),
        ({"role": "user", "content": [{"type": "text"}]}, "messages[1].content[0].text", "missing_required_parameter"),
        ({"role": "tool", "content": "1"}, "messages[1].tool_call_id", "invalid_value"),
        ({"role": "function", "name": "g", "content": "1"}, "messages[1].name", "invalid_value"),
        ({"role": "assistant", "audio": {"id": "a"}}, "messages[1].audio", "unsupported_parameter"),
        ({"role": "assistant", "tool_calls": [{"id": "x", "type": "custom", "custom": {}}]},
         "messages[1].tool_calls[0].type", "unsupported_value"),
        ({"role": "assistant", "tool_calls": [{"id": "x"}]}, "messages[1].tool_calls[0].function", "invalid_value"),
        ("Hi", "messages[1]", "invalid_type"),
        (None, "messages[1]", "invalid_type"),
    ],
)  # fmt: skip
def test_messages_that_make_no_sense(message, param, code):
    with pytest.raises(InvalidRequest) as refused:
        hear_messages([{"role": "user", "content": "Hi"}, message])
    assert (refused.value.param, refused.value.code) == (param, code)
