import pytest

from torana.core.errors import InvalidRequest
from torana.dialects.openai_language.chat.asking import emulated_in, fields_of, ignored_in
from torana.dialects.openai_language.manner import PLAIN, Manner
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

HI = Turn("user", (Text("Hi"),))
KEEP = {"type": "ephemeral"}


def asked(*turns, manner=PLAIN, **more):
    return fields_of(Conversation(turns or (HI,), **more), manner)


def messages(*turns, manner=PLAIN):
    return asked(*turns, manner=manner)["messages"]


def test_the_least():
    assert asked() == {"messages": [{"role": "user", "content": "Hi"}]}


def test_turns():
    assert messages(
        Turn("system", (Text("Be kind."), Text("Be brief.")), "boss"),
        Turn("user", (Text("Hi"),), "anna"),
        Turn("assistant", (Reasoning("Hm."), Text("a"), Text("b"), ToolCall("c", "f", ""))),
        Turn("tool", (ToolResult("c", (Text("1"), Text("2"))), ToolResult("d", ()))),
        Turn("assistant", (Refusal("No."),)),
        Turn("assistant", ()),
    ) == [
        {"role": "system", "content": "Be kind.\n\nBe brief.", "name": "boss"},
        {"role": "user", "content": "Hi", "name": "anna"},
        {"role": "assistant", "content": "ab",
         "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "1\n2"},
        {"role": "tool", "tool_call_id": "d", "content": ""},
        {"role": "assistant", "content": None, "refusal": "No."},
        {"role": "assistant", "content": ""},
    ]  # fmt: skip


def test_thoughts_go_back_where_they_are_wanted():
    turn = Turn("assistant", (Reasoning("Hm."), Text("a")))
    told = messages(turn, manner=Manner(thoughts="reasoning_content"))
    assert told == [{"role": "assistant", "content": "a", "reasoning_content": "Hm."}]


def test_a_call_keeps_its_seal():
    told = messages(Turn("assistant", (ToolCall("c", "f", "{}", "s"),)))
    assert told[0]["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "s"}}


@pytest.mark.parametrize(
    ("media", "part"),
    [
        (Media("image", url="https://h/a.png", detail="low"),
         {"type": "image_url", "image_url": {"url": "https://h/a.png", "detail": "low"}}),
        (Media("image", base64="AAAA", media_type="image/png"),
         {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}),
        (Media("video", url="https://h/a.mp4"), {"type": "video_url", "video_url": {"url": "https://h/a.mp4"}}),
        (Media("audio", base64="AAAA", media_type="audio/mpeg"),
         {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}),
        (Media("audio", base64="AAAA", media_type="audio/flac"),
         {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "flac"}}),
        (Media("file", base64="AAAA", media_type="application/pdf", name="a.pdf"),
         {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}}),
        (Media("file", file_id="file-1"), {"type": "file", "file": {"file_id": "file-1"}}),
    ],
)  # fmt: skip
def test_media(media, part):
    assert messages(Turn("user", (Text("See:"), media))) == [
        {"role": "user", "content": [{"type": "text", "text": "See:"}, part]}
    ]


@pytest.mark.parametrize(
    "part", [Media("image", file_id="x"), Media("audio", url="https://h/a"), Media("file", url="https://h/a"),
             Reasoning("?")],
)  # fmt: skip
def test_what_cannot_be_shown(part):
    with pytest.raises(InvalidRequest) as refused:
        messages(Turn("user", (part,)))
    assert (refused.value.code, refused.value.param) == ("unsupported_value", "messages")


def test_pictures_of_tools_are_shown_after_all_results():
    picture = Media("image", url="https://h/a.png")
    turn = Turn("tool", (ToolResult("c", (Text("see"), picture)), ToolResult("d", (Text("2"),))))
    told = messages(turn)
    assert [message["role"] for message in told] == ["tool", "tool", "user"]
    assert told[2]["content"][0]["text"] == "From the tool call c:"
    assert emulated_in(Conversation((turn,)), PLAIN) == ("tool_results",)


def test_tools():
    tools = (Tool("f", "Does.", {"type": "object"}, strict=True, cached=KEEP), Tool("g"))
    assert asked(tools=tools) | {"messages": 0} == {
        "messages": 0,
        "tools": [
            {"type": "function",
             "function": {"name": "f", "description": "Does.", "strict": True, "parameters": {"type": "object"}}},
            {"type": "function", "function": {"name": "g", "parameters": {"type": "object", "properties": {}}}},
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("choice", "fields"),
    [
        (Choice("auto"), {}),
        (Choice("none"), {"tool_choice": "none"}),
        (Choice("any", parallel=False), {"tool_choice": "required", "parallel_tool_calls": False}),
        (Choice("one", "f"), {"tool_choice": {"type": "function", "function": {"name": "f"}}}),
        (Choice(parallel=True), {"parallel_tool_calls": True}),
    ],
)
def test_choices(choice, fields):
    told = asked(tools=(Tool("f"),), choice=choice)
    assert {name: told[name] for name in told if name not in {"tools", "messages"}} == fields
    assert set(asked(choice=choice)) == {"messages"}


def test_sampling():
    sampling = Sampling(max_tokens=5, temperature=0.0, top_p=0.5, stop=("x",), seed=0, presence_penalty=1.0,
                        frequency_penalty=2.0, logit_bias={"1": 2.0}, n=2, logprobs=3)  # fmt: skip
    told = asked(sampling=sampling, user="anna", stream=True)
    del told["messages"]
    assert told == {
        "max_completion_tokens": 5, "temperature": 0.0, "top_p": 0.5, "stop": ["x"], "seed": 0,
        "presence_penalty": 1.0, "frequency_penalty": 2.0, "logit_bias": {"1": 2.0}, "n": 2, "logprobs": True,
        "top_logprobs": 3, "user": "anna", "stream": True,
    }  # fmt: skip
    assert asked(sampling=Sampling(logprobs=0))["logprobs"] is True
    assert "top_logprobs" not in asked(sampling=Sampling(logprobs=0))


def test_top_k_goes_to_those_who_know_it():
    assert asked(sampling=Sampling(top_k=4), manner=Manner(knows=frozenset({"top_k"})))["top_k"] == 4
    with pytest.raises(InvalidRequest) as refused:
        asked(sampling=Sampling(top_k=4))
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "top_k")


def test_shapes():
    assert asked(shape=Shape())["response_format"] == {"type": "json_object"}
    shape = Shape({"type": "object"}, "person", "One.", strict=True)
    schema = {"name": "person", "description": "One.", "strict": True, "schema": {"type": "object"}}
    assert asked(shape=shape)["response_format"] == {"type": "json_schema", "json_schema": schema}
    assert emulated_in(Conversation((HI,), shape=shape), PLAIN) == ()


def test_a_shape_in_words():
    shape, manner = Shape({"type": "object"}), Manner(schemas=False)
    told = asked(shape=shape, manner=manner)
    assert told["response_format"] == {"type": "json_object"}
    assert told["messages"][-1]["role"] == "system"
    assert '{"type":"object"}' in told["messages"][-1]["content"]
    assert emulated_in(Conversation((HI,), shape=shape), manner) == ("structured_output",)


@pytest.mark.parametrize(
    ("thinking", "effort", "emulated"),
    [
        (Thinking("high", 100), "high", ()),
        (Thinking(budget=1024), "low", ("reasoning",)),
        (Thinking(budget=4096), "medium", ("reasoning",)),
        (Thinking(budget=10_000), "high", ("reasoning",)),
        (Thinking(shown=True), None, ()),
    ],
)
def test_thinking(thinking, effort, emulated):
    assert asked(thinking=thinking).get("reasoning_effort") == effort
    assert emulated_in(Conversation((HI,), thinking=thinking), PLAIN) == emulated


def test_marks_of_what_is_worth_keeping_are_ignored():
    assert ignored_in(Conversation((HI,))) == ()
    assert ignored_in(Conversation((Turn("user", (Text("Hi", KEEP),)),))) == ("cache_control",)
    assert ignored_in(Conversation((HI,), tools=(Tool("f", cached=KEEP),))) == ("cache_control",)
