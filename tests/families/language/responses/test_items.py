from time import process_time

import pytest

from torana.core.errors import InvalidRequest
from torana.families.language.responses.items import read_items, unsupported
from torana.families.language.words import Media, Reasoning, Refusal, Text, ToolCall, ToolResult, Turn

HM = {"type": "summary_text", "text": "hm"}
LACKS = "missing_required_parameter"


def parts(*content):
    return read_items([{"role": "user", "content": list(content)}])[0].parts


def test_words_alone_are_the_users():
    assert read_items("Hi") == (Turn("user", (Text("Hi"),)),)
    assert read_items(None) == ()


def test_what_one_side_does_in_a_row_is_one_turn():
    assert read_items([
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "a"},
        {"role": "user", "content": "b"},
        {"type": "reasoning", "id": "rs_1", "summary": [HM], "encrypted_content": "gAAAA"},
        {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "c"}]},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}", "signature": "sig"},
        {"type": "function_call_output", "call_id": "c1", "output": "1"},
        {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "2"}]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
    ]) == (
        Turn("system", (Text("Be brief."),)),
        Turn("user", (Text("a"),)),
        Turn("user", (Text("b"),)),
        Turn("assistant", (Reasoning("hm", None, "gAAAA", "rs_1"), Text("c"), ToolCall("c1", "f", "{}", "sig"))),
        Turn("tool", (ToolResult("c1", (Text("1"),)), ToolResult("c2", (Text("2"),)))),
        Turn("assistant", (Refusal("no"),)),
    )  # fmt: skip


def test_thoughts_may_be_told_whole():
    thought = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}
    assert read_items([thought])[0].parts == (Reasoning("hm"),)


def test_media_come_as_bytes_links_and_ids():
    assert parts(
        {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "low"},
        {"type": "input_image", "image_url": "https://a.example/b.png"},
        {"type": "input_image", "file_id": "file-1"},
        {"type": "input_file", "file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"},
        {"type": "input_file", "file_data": "AA=="},
        {"type": "input_file", "file_url": "https://a.example/b.pdf"},
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}},
        {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}},
    ) == (
        Media("image", base64="AA==", media_type="image/png", detail="low"),
        Media("image", url="https://a.example/b.png"),
        Media("image", file_id="file-1"),
        Media("file", base64="AA==", media_type="application/pdf", name="a.pdf"),
        Media("file", base64="AA=="),
        Media("file", url="https://a.example/b.pdf"),
        Media("audio", base64="AA==", media_type="audio/mpeg"),
        Text("a", {"type": "ephemeral"}),
    )


@pytest.mark.parametrize(
    ("item", "param", "code"),
    [
        ({"role": "robot", "content": "a"}, "input[0].role", "invalid_type"),
        ({"role": "user"}, "input[0].content", LACKS),
        ({"role": "user", "content": [{"type": "film"}]}, "input[0].content[0].type", "unsupported_value"),
        ({"role": "user", "content": [{"type": "input_text"}]}, "input[0].content[0].text", LACKS),
        ({"role": "user", "content": [{"type": "input_image"}]}, "input[0].content[0].image_url", LACKS),
        ({"role": "user", "content": [{"type": "input_file"}]}, "input[0].content[0].file_data", LACKS),
        ({"type": "item_reference", "id": "msg_1"}, "input[0]", "item_not_found"),
        ({"type": "computer_call"}, "input[0].type", "unsupported_value"),
        ({"type": "function_call", "name": "f", "arguments": 3, "call_id": "c"}, "input[0].arguments", "invalid_type"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(item, param, code):
    with pytest.raises(InvalidRequest) as caught:
        read_items([item])
    assert (caught.value.param, caught.value.code) == (param, code)


def test_refusals_name_the_field():
    assert unsupported("a").code == "unsupported_parameter"
    assert unsupported("a", value=True).code == "unsupported_value"


def test_reading_takes_no_longer_than_what_is_sent():
    began = process_time()
    turns = read_items([{"type": "reasoning"}] * 50_000)
    assert len(turns[0].parts) == 50_000
    picture = {"type": "input_image", "image_url": "data:" + "A" * 20_000_000}
    assert parts(picture)[0].url == picture["image_url"]
    assert process_time() - began < 3
