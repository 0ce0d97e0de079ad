from typing import Any

import msgspec
import pytest

from tests.dialects.gemini.kit import CLOUD, NEW, OLD, PLACE, assistant, at, talk, user
from torana.core.errors import InvalidRequest
from torana.dialects.gemini.contents import NOT_SEALED, Contents
from torana.dialects.gemini.place import Place
from torana.families.language.words import (
    Conversation,
    Media,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)

PNG = Media("image", base64="iVBORw0K", media_type="image/png")


def write(conversation: Conversation, *, model: str = NEW, place: Place = PLACE) -> Any:
    return msgspec.json.decode(msgspec.json.encode(Contents(place, at(model)).write(conversation)))


def test_instructions_stand_apart_and_turns_of_one_side_are_one() -> None:
    told = write(
        talk(
            Turn("system", (Text("Be kind."),)),
            user("Look:", PNG),
            user("Well?"),
            assistant(Reasoning("hm", signature="s"), "A cat.", ""),
            assistant(Refusal("No more.")),
            Turn("system", (Text("Be brief."),)),
            user("Why?"),
        )
    )
    assert told == {
        "systemInstruction": {"parts": [{"text": "Be kind."}, {"text": "Be brief."}]},
        "contents": [
            {
                "role": "user",
                "parts": [
                    {"text": "Look:"},
                    {"inlineData": {"mimeType": "image/png", "data": "iVBORw0K"}},
                    {"text": "Well?"},
                ],
            },
            {"role": "model", "parts": [{"text": "A cat."}, {"text": "No more."}]},
            {"role": "user", "parts": [{"text": "Why?"}]},
        ],
    }


def test_where_only_instructions_are_given_they_are_what_is_said() -> None:
    told = write(talk(Turn("system", (Text("Say hello."),))))
    assert told == {"contents": [{"role": "user", "parts": [{"text": "Say hello."}]}]}
    with pytest.raises(InvalidRequest, match="Nothing is said"):
        write(talk(user("")))


LOOP = talk(
    user("Paris and Rome?"),
    assistant(ToolCall("a", "weather", '{"city": "Paris"}', "SEAL"), ToolCall("b", "weather", '{"city": "Rome"}')),
    Turn("tool", (ToolResult("b", (Text('{"sky": "clear", "t": 20.10}'),)),)),
    Turn("tool", (ToolResult("a", (Text("rain"),), failed=True),)),
    user("So?"),
)


def test_a_tool_loop_keeps_its_seals_and_ids() -> None:
    calls, results, more = write(LOOP)["contents"][1:]
    assert calls == {
        "role": "model",
        "parts": [
            {"functionCall": {"name": "weather", "args": {"city": "Paris"}, "id": "a"}, "thoughtSignature": "SEAL"},
            {"functionCall": {"name": "weather", "args": {"city": "Rome"}, "id": "b"}},
        ],
    }
    assert results["role"] == "user"
    assert {"functionResponse": {"name": "weather", "response": {"error": "rain"}, "id": "a"}} in results["parts"]
    assert more == {"role": "user", "parts": [{"text": "So?"}]}


def test_what_a_tool_says_in_json_stays_as_it_is_written() -> None:
    told = msgspec.json.encode(Contents(PLACE, at()).write(LOOP))
    assert b'"response":{"output":{"sky": "clear", "t": 20.10}}' in told


@pytest.mark.parametrize("text", ["{not json", "[1,", "plain", "5", '"quoted"', ""])
def test_what_a_tool_says_in_words_is_a_text(text: str) -> None:
    call = assistant(ToolCall("a", "weather", ""))
    told = write(talk(user("?"), call, Turn("tool", (ToolResult("a", (Text(text),)),))))
    assert told["contents"][2]["parts"][0]["functionResponse"]["response"] == {"output": text}


def test_results_are_in_the_order_of_their_calls_where_ids_are_not_told() -> None:
    conversation = talk(
        user("?"),
        assistant(ToolCall("a", "weather", "{}"), ToolCall("b", "weather", "{}")),
        Turn("tool", (ToolResult("b", (Text("second"),)), ToolResult("a", (Text("first"),)))),
    )
    contents = write(conversation, place=CLOUD)["contents"]
    assert [part["functionResponse"] for part in contents[2]["parts"]] == [
        {"name": "weather", "response": {"output": "first"}},
        {"name": "weather", "response": {"output": "second"}},
    ]
    assert contents[1]["parts"][1] == {"functionCall": {"name": "weather", "args": {}}}


@pytest.mark.parametrize(("model", "seals"), [(NEW, [NOT_SEALED, None]), (OLD, [None, None])])
def test_a_call_that_no_gemini_made_is_marked_so_where_seals_are_asked_back(
    model: str, seals: list[str | None]
) -> None:
    calls = assistant(ToolCall("a", "weather", "{}"), ToolCall("b", "weather", "{}"))
    parts = write(talk(user("?"), calls), model=model)["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in parts] == seals


@pytest.mark.parametrize("model", [NEW, OLD])
def test_pictures_of_a_tool_are_told(model: str) -> None:
    call = assistant(ToolCall("a", "camera", "{}"))
    told = write(talk(user("?"), call, Turn("tool", (ToolResult("a", (Text("here"), PNG)),))), model=model)
    seen = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0K"}}
    response = {"name": "camera", "response": {"output": "here"}, "id": "a"}
    within, beside = [{"functionResponse": response | {"parts": [seen]}}], [{"functionResponse": response}, seen]
    assert told["contents"][2]["parts"] == (within if model == NEW else beside)


@pytest.mark.parametrize(
    "conversation",
    [
        talk(Turn("tool", (ToolResult("x", (Text("y"),)),))),
        talk(user("?"), assistant(ToolCall("a", "weather", "[1]"))),
        talk(user("?"), assistant(ToolCall("a", "weather", "{"))),
        talk(Turn("system", (PNG,)), user("?")),
    ],
)
def test_what_makes_no_sense_is_the_callers(conversation: Conversation) -> None:
    with pytest.raises(InvalidRequest) as caught:
        write(conversation)
    assert caught.value.param == "messages"


def test_what_is_passed_over_is_told() -> None:
    writer = Contents(PLACE, at(operation="responses"))
    seen = Media("image", base64="iVBORw0K", detail="high")
    writer.write(talk(Turn("user", (Text("a", cached={"type": "ephemeral"}), seen), name="Ann")))
    assert list(writer.ignored) == ["input.name", "input.cache_control", "input.detail"]
