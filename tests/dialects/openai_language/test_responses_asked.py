import pytest
from openai.types.responses import response_create_params
from pydantic import TypeAdapter

from tests.dialects.openai_language.asking import at, request, sent
from torana.core.errors import InvalidRequest
from torana.dialects.openai_language.responses_asked import encoding
from torana.families.language.words import (
    Choice,
    Conversation,
    Media,
    Reasoning,
    Refusal,
    Sampling,
    Shape,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
)

PARAMS = TypeAdapter(response_create_params.ResponseCreateParamsBase)
HI = Turn("user", (Text("Hi"),))


def encoded(*turns, parameters=(), body=None, **conversation):
    asked = request(**(body or {}))
    return encoding()(Conversation(turns or (HI,), **conversation), at(asked, parameters=dict(parameters)))


def told(*turns, **conversation):
    body = sent(encoded(*turns, **conversation).message)
    PARAMS.validate_python(body)
    return body


def test_a_conversation_is_items():
    assert told(
        Turn("system", (Text("Be brief."),)),
        HI,
        Turn("assistant", (Reasoning("hm", "gAAAAx", id="rs_1"), Text("a"), Refusal("no"), ToolCall("c", "f", ""))),
        Turn("tool", (ToolResult("c", (Text("1"), Text("2"))),)),
    ) == {
        "model": "theirs",
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "input": [
            {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Be brief."}]},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [{"type": "summary_text", "text": "hm"}],
                "encrypted_content": "gAAAAx",
            },
            {"role": "assistant", "content": "a"},
            {"role": "assistant", "content": "no"},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "1\n2"},
        ],
    }


def test_reasoning_goes_back_to_where_it_came_from_alone():
    thoughts = (
        Reasoning(sealed="x", id="rs_1"),
        Reasoning(sealed="gAAAA"),
        Reasoning("a", "Another's"),
        Reasoning("b"),
    )
    assert sent(encoded(Turn("assistant", thoughts)).message)["input"] == [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
        {"type": "reasoning", "summary": [], "encrypted_content": "gAAAA"},
    ]


def test_media_are_parts():
    (message,) = told(
        Turn(
            "user",
            (
                Media("image", base64="AA==", media_type="image/webp"),
                Media("image", url="https://a.example/b.png", detail="low"),
                Media("file", base64="AA==", name="a.pdf"),
                Media("file", url="https://a.example/b.pdf"),
                Media("file", file_id="file-1"),
            ),
        )
    )["input"]
    assert message["content"] == [
        {"type": "input_image", "image_url": "data:image/webp;base64,AA==", "detail": "auto"},
        {"type": "input_image", "image_url": "https://a.example/b.png", "detail": "low"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="},
        {"type": "input_file", "file_url": "https://a.example/b.pdf"},
        {"type": "input_file", "file_id": "file-1"},
    ]


def test_a_result_may_hold_a_picture():
    (item,) = told(Turn("tool", (ToolResult("c", (Text("a"), Media("image", url="https://a.example/b.png"))),)))[
        "input"
    ]
    assert [part["type"] for part in item["output"]] == ["input_text", "input_image"]


def test_options_have_words():
    body = told(
        tools=(Tool("f", "d", {"type": "object"}), Tool("g", strict=True)),
        choice=Choice("one", "f", parallel=False),
        shape=Shape({"type": "object"}, "n", strict=True),
        thinking=Thinking("low", shown=True),
        sampling=Sampling(9, 0.5, 0.9, logprobs=3),
        user="u",
        stream=True,
        parameters={"service_tier": "flex"}.items(),
    )
    assert body["tools"] == [
        {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": False, "description": "d"},
        {"type": "function", "name": "g", "parameters": {"type": "object", "properties": {}}, "strict": True},
    ]
    assert body["tool_choice"] == {"type": "function", "name": "f"}
    assert body["parallel_tool_calls"] is False
    assert body["text"] == {
        "format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}
    }
    assert body["reasoning"] == {"effort": "low", "summary": "auto"}
    assert body["include"] == ["reasoning.encrypted_content", "message.output_text.logprobs"]
    assert (body["max_output_tokens"], body["temperature"], body["top_p"], body["top_logprobs"]) == (9, 0.5, 0.9, 3)
    assert (body["stream"], body["safety_identifier"], body["service_tier"]) == (True, "u", "flex")


@pytest.mark.parametrize(("mode", "word"), [("auto", "auto"), ("none", "none"), ("any", "required")])
def test_choices_have_words(mode, word):
    assert told(tools=(Tool("f"),), choice=Choice(mode))["tool_choice"] == word
    assert "tool_choice" not in told(choice=Choice(mode))


@pytest.mark.parametrize(("budget", "effort"), [(1024, "low"), (8000, "medium"), (50_000, "high")])
def test_a_budget_of_thought_is_an_effort(budget, effort):
    asked = encoded(thinking=Thinking(budget=budget))
    assert sent(asked.message)["reasoning"] == {"effort": effort}
    assert asked.emulated == ("reasoning",)


def test_any_object_is_a_format_and_a_seed_is_ignored():
    asked = encoded(shape=Shape(), sampling=Sampling(seed=3))
    assert sent(asked.message)["text"] == {"format": {"type": "json_object"}}
    assert asked.ignored == ("seed",)


@pytest.mark.parametrize(
    ("sampling", "body", "param"),
    [
        (Sampling(n=2), {}, "n"),
        (Sampling(stop=("a",)), {"stop": "a"}, "stop"),
        (Sampling(stop=("a",)), {"stop_sequences": ["a"]}, "stop_sequences"),
        (Sampling(top_k=3), {}, "top_k"),
        (Sampling(presence_penalty=1.0), {}, "presence_penalty"),
        (Sampling(frequency_penalty=1.0), {}, "frequency_penalty"),
        (Sampling(logit_bias={"1": 1.0}), {}, "logit_bias"),
    ],
)
def test_what_has_no_words_is_refused(sampling, body, param):
    with pytest.raises(InvalidRequest) as caught:
        encoded(sampling=sampling, body=body)
    assert (caught.value.param, caught.value.code) == (param, "unsupported_parameter")


@pytest.mark.parametrize("medium", ["audio", "video"])
def test_a_sound_or_a_film_is_refused(medium):
    with pytest.raises(InvalidRequest) as caught:
        encoded(Turn("user", (Media(medium, url="https://a.example/b"),)), body={"messages": []})
    assert caught.value.param == "messages"
