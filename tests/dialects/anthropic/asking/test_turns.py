import base64
from typing import Any

import pytest

from tests.dialects.anthropic.spoken import HELLO
from torana.core.errors import InvalidRequest
from torana.dialects.anthropic.asking.turns import called, is_amid_tools, messages_of, system_of, unsealed
from torana.families.language.words import (
    Conversation,
    Media,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)

CACHED = {"type": "ephemeral"}
TEXT = base64.b64encode("Grüße".encode()).decode()


def told(*turns: Turn) -> list[dict[str, Any]]:
    return messages_of(Conversation(turns))


def user(*parts: Part) -> Turn:
    return Turn("user", parts)


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


def test_results_of_tools_are_one_message_of_the_users_and_come_first() -> None:
    calls = Turn("assistant", (Text("Wait."), ToolCall("a", "f", '{"x":1}'), ToolCall("b:0", "g", "")))
    results = (Turn("tool", (ToolResult("a", (Text("sun"),)),)), Turn("tool", (ToolResult("b:0", (), failed=True),)))
    messages = told(*HELLO, calls, *results, user(Text("And?")))
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert messages[1]["content"] == [
        text("Wait."),
        {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
        {"type": "tool_use", "id": "b_0", "name": "g", "input": {}},
    ]
    assert messages[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "a", "content": "sun"},
        {"type": "tool_result", "tool_use_id": "b_0", "is_error": True},
        text("And?"),
    ]
    assert told(*HELLO, calls, user(Text("And?")), *results)[2] == messages[2]


def test_what_one_side_says_in_turns_is_one_message() -> None:
    assert told(
        *HELLO, user(Text("You?")), Turn("assistant", (Text("I."),)), Turn("assistant", (Refusal("No. "),))
    ) == [
        {"role": "user", "content": [text("Hello"), text("You?")]},
        {"role": "assistant", "content": [text("I."), text("No.")]},
    ]


def test_what_says_nothing_is_left_out() -> None:
    assert told(user(Text(" \n")), *HELLO, Turn("assistant", ())) == [{"role": "user", "content": [text("Hello")]}]


def test_instructions_alone_are_asked_as_a_question() -> None:
    conversation = Conversation((Turn("system", (Text("Tell a joke."),)),))
    assert messages_of(conversation) == [{"role": "user", "content": [text("Tell a joke.")]}]
    assert system_of(conversation) is None


def test_instructions_are_joined() -> None:
    turns = (Turn("system", (Text("One."),)), *HELLO, Turn("system", (Text("Two."), Text(" "))))
    assert system_of(Conversation(turns), "Three.") == "One.\n\nTwo.\n\nThree."
    cached = Conversation((Turn("system", (Text("One.", cached=CACHED),)), *HELLO))
    assert system_of(cached, "Two.") == [text("One.") | {"cache_control": CACHED}, text("Two.")]
    assert system_of(Conversation(HELLO)) is None


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (Text("hi", cached=CACHED), text("hi") | {"cache_control": CACHED}),
        (
            Media("image", base64="iVBO", media_type="image/png", cached=CACHED),
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"},
             "cache_control": CACHED},
        ),
        (Media("image", url="https://x/a"), {"type": "image", "source": {"type": "url", "url": "https://x/a"}}),
        (Media("file", file_id="f"), {"type": "document", "source": {"type": "file", "file_id": "f"}}),
        (
            Media("file", base64="JVBE", media_type="application/pdf", name="a.pdf"),
            {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"},
             "title": "a.pdf"},
        ),
        (
            Media("file", base64=TEXT, media_type="text/markdown"),
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Grüße"}},
        ),
        (
            ToolResult("a", (Text("1"), Media("image", url="u"))),
            {"type": "tool_result", "tool_use_id": "a",
             "content": [text("1"), {"type": "image", "source": {"type": "url", "url": "u"}}]},
        ),
        (
            ToolResult("a", (Text("1", cached=CACHED),), cached=CACHED),
            {"type": "tool_result", "tool_use_id": "a", "content": [text("1") | {"cache_control": CACHED}],
             "cache_control": CACHED},
        ),
    ],
)  # fmt: skip
def test_each_part_has_its_block(part: Part, block: dict[str, Any]) -> None:
    assert told(user(part)) == [{"role": "user", "content": [block]}]


def test_thoughts_go_back_as_they_were_sealed() -> None:
    thoughts = (Reasoning("hm", signature="s"), Reasoning(sealed="d"), Reasoning("open"), Text("hi"))
    conversation = Conversation((*HELLO, Turn("assistant", thoughts)))
    assert messages_of(conversation)[1]["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
        text("hi"),
    ]
    assert unsealed(conversation)
    assert not unsealed(Conversation(HELLO))


def test_whether_tools_answered_last() -> None:
    call, result = ToolCall("a", "f", "{}"), Turn("tool", (ToolResult("a", ()),))
    bare, thought = Turn("assistant", (call,)), Turn("assistant", (Reasoning("hm", signature="s"), call))
    assert is_amid_tools(told(*HELLO, bare, result))
    assert not is_amid_tools(told(*HELLO, thought, result))
    assert not is_amid_tools(told(*HELLO, bare, result, Turn("assistant", (Text("x"),)), *HELLO))
    assert not is_amid_tools(told(*HELLO))
    assert list(called(Conversation((*HELLO, bare)))) == ["f"]


@pytest.mark.parametrize(
    "part",
    [
        Media("audio", base64="AA", media_type="audio/mpeg"),
        Media("video", url="https://x/a.mp4"),
        Media("image", base64="AA", media_type="image/tiff"),
        Media("file", base64="AA", media_type="application/zip"),
    ],
)
def test_what_it_takes_no_part_of(part: Part) -> None:
    with pytest.raises(InvalidRequest) as caught:
        told(user(part))
    assert (caught.value.param, caught.value.code) == ("messages", "unsupported_value")


@pytest.mark.parametrize("part", [ToolCall("a", "f", "[1]"), ToolCall("a", "f", "{"),
                                  Media("file", base64="/w==", media_type="text/plain"),
                                  Media("file", base64="?", media_type="text/plain")])  # fmt: skip
def test_what_is_broken(part: Part) -> None:
    with pytest.raises(InvalidRequest) as caught:
        told(Turn("assistant", (part,)))
    assert caught.value.param == "messages"


def test_a_seal_of_another_upstreams_is_not_sent() -> None:
    thoughts = (Reasoning("Hm.", signature="gAAAAx"), Reasoning(sealed="gAAAAx"), Reasoning("Ah.", signature="Eqo="))
    assert told(*HELLO, Turn("assistant", (*thoughts, Text("Yes."))), user(Text("So?")))[1]["content"] == [
        {"type": "thinking", "thinking": "Ah.", "signature": "Eqo="},
        text("Yes."),
    ]
