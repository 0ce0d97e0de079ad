from typing import Any

import msgspec
import pytest

from torana.core.errors import InvalidRequest
from torana.families.language.messages.blocks import Block, parts_of, texts_of
from torana.families.language.words import Media, Reasoning, Text, ToolCall, ToolResult

CACHED = {"type": "ephemeral", "ttl": "1h"}
B64 = {"type": "base64", "media_type": "image/png", "data": "iVBO"}
PDF = {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}


def parts(*blocks: dict[str, Any]) -> tuple[Any, ...]:
    return parts_of(msgspec.convert(list(blocks), list[Block]), "messages[0]")


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"type": "text", "text": "hi", "cache_control": CACHED}, Text("hi", cached=CACHED)),
        ({"type": "image", "source": B64}, Media("image", base64="iVBO", media_type="image/png")),
        ({"type": "image", "source": {"type": "url", "url": "https://x/a.png"}}, Media("image", url="https://x/a.png")),
        ({"type": "image", "source": {"type": "file", "file_id": "f1"}}, Media("image", file_id="f1")),
        (
            {"type": "document", "source": PDF, "title": "Report"},
            Media("file", base64="JVBE", media_type="application/pdf", name="Report"),
        ),
        (
            {"type": "document", "source": {"type": "url", "url": "https://x/a.pdf"}},
            Media("file", url="https://x/a.pdf", media_type="application/pdf"),
        ),
        (
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
            Text("words"),
        ),
        (
            {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
            ToolCall("t", "f", '{"a":1}'),
        ),
        ({"type": "tool_result", "tool_use_id": "t", "content": "4"}, ToolResult("t", (Text("4"),))),
        ({"type": "tool_result", "tool_use_id": "t", "is_error": True}, ToolResult("t", (), failed=True)),
        (
            {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "image", "source": B64}]},
            ToolResult("t", (Media("image", base64="iVBO", media_type="image/png"),)),
        ),
        ({"type": "thinking", "thinking": "hm", "signature": "s"}, Reasoning("hm", signature="s")),
        ({"type": "redacted_thinking", "data": "d"}, Reasoning(sealed="d")),
    ],
)
def test_each_block_has_its_part(block: dict[str, Any], part: object) -> None:
    assert parts(block) == (part,)


def test_blocks_that_are_several_parts() -> None:
    document = {"type": "content", "content": [{"type": "text", "text": "one"}, {"type": "image", "source": B64}]}
    told = parts({"type": "document", "source": document, "title": "Report", "context": "Of May."})
    assert told[:2] == (Text("Report\nOf May."), Text("one"))
    assert isinstance(told[2], Media)
    found = {
        "type": "search_result",
        "title": "Rain",
        "source": "https://x",
        "content": [{"type": "text", "text": "!"}],
    }
    assert parts(found) == (Text("Rain\nhttps://x"), Text("!"))


@pytest.mark.parametrize(
    ("block", "param"),
    [
        ({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}, "messages[0].content[0].type"),
        ({"type": "container_upload", "file_id": "f"}, "messages[0].content[0].type"),
        ({"type": "image"}, "messages[0].content[0].source"),
        ({"type": "image", "source": {"type": "base64"}}, "messages[0].content[0].source.data"),
        ({"type": "image", "source": {"type": "moon"}}, "messages[0].content[0].source.type"),
        ({"type": "text"}, "messages[0].content[0].text"),
        ({"type": "tool_use", "id": "t"}, "messages[0].content[0].name"),
        ({"type": "document", "source": PDF, "citations": {"enabled": True}}, "messages[0].content[0].citations"),
        (
            {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "thinking", "thinking": "x"}]},
            "messages[0].content[0]",
        ),
    ],
)
def test_what_is_missing_or_nobody_else_knows_is_named(block: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parts(block)
    assert caught.value.param == param


def test_what_instructs_is_words() -> None:
    assert texts_of("Be brief.", "system") == (Text("Be brief."),)
    with pytest.raises(InvalidRequest) as caught:
        texts_of(msgspec.convert([{"type": "image", "source": B64}], list[Block]), "system")
    assert caught.value.param == "system"


def test_blocks_that_stand_too_deep() -> None:
    block: dict[str, Any] = {"type": "text", "text": "hi"}
    for _ in range(200):
        block = {"type": "document", "source": {"type": "content", "content": [block]}}
    with pytest.raises(InvalidRequest) as caught:
        parts(block)
    assert caught.value.param == "messages"
