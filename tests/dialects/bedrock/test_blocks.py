import re
from typing import Any

import pytest

from tests.dialects.bedrock.converse import HELLO, checked
from torana.core.errors import InvalidRequest
from torana.dialects.bedrock.blocks import cache_point, messages
from torana.families.language.words import (
    Media,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)

DATA = "QUJD"
KEPT = {"type": "ephemeral"}


def said(*turns: Turn, caches: bool = False) -> list[Any]:
    told = messages(turns, caches=caches)
    checked({"messages": told})
    return told


def block(part: Part) -> Any:
    (told,) = said(Turn("user", (part,)))
    (only,) = told["content"]
    return only


def test_each_side_speaks_in_turn_and_tools_on_the_users() -> None:
    told = said(
        HELLO,
        Turn("user", (Text("again"),)),
        Turn("assistant", (Text("Hm."),)),
        Turn("assistant", (ToolCall("c1", "weather", '{"city": "Rome"}'), ToolCall("c2", "now", ""))),
        Turn("tool", (ToolResult("c1", (Text("sunny"), Media("image", base64=DATA, media_type="image/png"))),)),
        Turn("tool", (ToolResult("c2", (), failed=True),)),
        Turn("user", (Text("And?"),)),
    )
    assert [each["role"] for each in told] == ["user", "assistant", "user"]
    assert told[0]["content"] == [{"text": "Hello"}, {"text": "again"}]
    assert told[1]["content"][1:] == [
        {"toolUse": {"toolUseId": "c1", "name": "weather", "input": {"city": "Rome"}}},
        {"toolUse": {"toolUseId": "c2", "name": "now", "input": {}}},
    ]
    picture = {"image": {"format": "png", "source": {"bytes": DATA}}}
    assert told[2]["content"] == [
        {"toolResult": {"toolUseId": "c1", "content": [{"text": "sunny"}, picture]}},
        {"toolResult": {"toolUseId": "c2", "content": [], "status": "error"}},
        {"text": "And?"},
    ]


@pytest.mark.parametrize(
    ("media", "kind", "told"),
    [
        (Media("image", base64=DATA, media_type="image/jpeg"), "image", {"format": "jpeg", "source": {"bytes": DATA}}),
        (
            Media("image", url="s3://b/a.jpg"),
            "image",
            {"format": "jpeg", "source": {"s3Location": {"uri": "s3://b/a.jpg"}}},
        ),
        (Media("video", base64=DATA, media_type="video/mp4"), "video", {"format": "mp4", "source": {"bytes": DATA}}),
        (Media("audio", base64=DATA, media_type="audio/wav"), "audio", {"format": "wav", "source": {"bytes": DATA}}),
        (
            Media("file", base64=DATA, media_type="application/pdf", name="My_report: v2.pdf"),
            "document",
            {"format": "pdf", "source": {"bytes": DATA}, "name": "My report v2 (1)"},
        ),
        (
            Media("file", base64=DATA, name="notes.md"),
            "document",
            {"format": "md", "source": {"bytes": DATA}, "name": "notes (1)"},
        ),
        (
            Media("file", base64=DATA, media_type="text/plain; charset=utf-8"),
            "document",
            {"format": "txt", "source": {"bytes": DATA}, "name": "document (1)"},
        ),
    ],
)
def test_media(media: Media, kind: str, told: object) -> None:
    assert block(media) == {kind: told}


def test_no_two_documents_have_one_name() -> None:
    twice = Media("file", base64=DATA, media_type="application/pdf", name="a" * 300 + ".pdf")
    names = [each["document"]["name"] for each in said(Turn("user", (twice, twice)))[0]["content"]]
    assert len(set(names)) == 2
    assert all(re.fullmatch(r"[A-Za-z0-9()\[\] -]{1,200}", name) for name in names)


@pytest.mark.parametrize(
    "media",
    [
        Media("image", base64=DATA, media_type="image/tiff"),
        Media("image", base64=DATA),
        Media("image", url="https://x/y.png"),
        Media("file", file_id="file-1", name="a.pdf"),
        Media("file", base64=DATA, media_type="application/zip", name="a.zip"),
    ],
)
def test_media_that_are_not_to_be_had_are_refused(media: Media) -> None:
    with pytest.raises(InvalidRequest) as error:
        block(media)
    assert (error.value.param, error.value.code) == ("messages", "unsupported_value")


@pytest.mark.parametrize("arguments", ["[]", "{", "5", '"{}"', "[" * 5000])
def test_arguments_must_be_an_object(arguments: str) -> None:
    with pytest.raises(InvalidRequest):
        said(HELLO, Turn("assistant", (ToolCall("c", "f", arguments),)))


@pytest.mark.parametrize("name", ["call with spaces", "x" * 65, "ü"])
def test_ids_that_are_not_taken_there_are_exchanged_for_others(name: str) -> None:
    told = said(HELLO, Turn("assistant", (ToolCall(name, "f", ""),)), Turn("tool", (ToolResult(name, (Text("1"),)),)))
    called, answered = told[1]["content"][0]["toolUse"], told[2]["content"][0]["toolResult"]
    assert called["toolUseId"] == answered["toolUseId"] != name
    assert re.fullmatch(r"[a-zA-Z0-9_.:-]{1,64}", called["toolUseId"])


def test_thoughts_go_back_under_their_seal_alone() -> None:
    told = said(
        HELLO,
        Turn("assistant", (Reasoning("Hm.", "sig"), Reasoning(sealed=DATA), Reasoning("unsealed"), Refusal("No."))),
    )
    assert told[1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "sig"}}},
        {"reasoningContent": {"redactedContent": DATA}},
        {"text": "No."},
    ]


def test_blank_words_are_left_out() -> None:
    told = said(HELLO, Turn("assistant", (Text(" \n"),)), Turn("user", (Text("Still?"), Text(""))))
    assert told == [{"role": "user", "content": [{"text": "Hello"}, {"text": "Still?"}]}]
    with pytest.raises(InvalidRequest) as error:
        said(Turn("user", (Text(" "),)))
    assert error.value.param == "messages"


def test_marks_stand_behind_what_is_worth_keeping() -> None:
    turns = (Turn("user", (Text("a", KEPT), Text("b"), ToolResult("c", (Text("d"),), cached={"ttl": "9h"}))),)
    mark = {"cachePoint": {"type": "default"}}
    told = said(*turns, caches=True)[0]["content"]
    assert [each == mark for each in told] == [False, True, False, False, True]
    assert mark not in said(*turns)[0]["content"]


def test_a_time_that_is_none_is_left_out() -> None:
    assert cache_point({"type": "ephemeral", "ttl": []}) == {"cachePoint": {"type": "default"}}
    assert cache_point({"type": "ephemeral", "ttl": "1h"}) == {"cachePoint": {"type": "default", "ttl": "1h"}}
