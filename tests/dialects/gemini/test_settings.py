from typing import Any

import pytest

from tests.dialects.gemini.kit import NEW, OLD, OLD_PRO, WEATHER, at, talk
from torana.core.errors import InvalidRequest
from torana.dialects.gemini.settings import Settings, answering_tool
from torana.families.language.words import Choice, Conversation, Sampling, Shape, Thinking, Tool

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def write(conversation: Conversation, model: str = NEW, **more: Any) -> tuple[Any, list[str], list[str]]:
    settings = Settings(at(model, **more))
    told = settings.write(conversation)
    return told, list(settings.emulated), list(settings.ignored)


def test_nothing_is_said_where_nothing_is_asked() -> None:
    assert write(talk()) == ({}, [], [])


def test_sampling() -> None:
    sampling = Sampling(
        max_tokens=64, temperature=0.0, top_p=0.9, top_k=40, stop=("END",), seed=7, presence_penalty=0.5,
        frequency_penalty=-0.5, n=2, logprobs=3,
    )  # fmt: skip
    assert write(talk(sampling=sampling, user="ann")) == (
        {
            "generationConfig": {
                "maxOutputTokens": 64, "temperature": 0.0, "topP": 0.9, "topK": 40, "stopSequences": ["END"],
                "seed": 7, "presencePenalty": 0.5, "frequencyPenalty": -0.5, "candidateCount": 2,
                "responseLogprobs": True, "logprobs": 3,
            }
        },
        [],
        ["user"],
    )  # fmt: skip
    assert write(talk(sampling=Sampling(logprobs=0)))[0] == {"generationConfig": {"responseLogprobs": True}}


def test_what_it_has_no_words_for_is_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        write(talk(sampling=Sampling(logit_bias={"50256": -100})))
    assert (caught.value.param, caught.value.code) == ("logit_bias", "unsupported_parameter")


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (Choice(), None),
        (Choice("none"), {"mode": "NONE"}),
        (Choice("any"), {"mode": "ANY"}),
        (Choice("one", "weather"), {"mode": "ANY", "allowedFunctionNames": ["weather"]}),
    ],
)
def test_tools_and_which_of_them(choice: Choice, config: dict[str, Any] | None) -> None:
    told, emulated, ignored = write(talk(tools=(WEATHER, Tool("now", strict=True)), choice=choice))
    declared = [
        {"name": "weather", "description": "Tells the weather.", "parametersJsonSchema": dict(WEATHER.schema)},
        {"name": "now"},
    ]
    assert told["tools"] == [{"functionDeclarations": declared}]
    assert told.get("toolConfig") == (config and {"functionCallingConfig": config})
    assert (emulated, ignored) == ([], ["tools.strict"])


def test_one_call_at_a_time_is_had_by_dropping_the_others() -> None:
    assert write(talk(tools=(WEATHER,), choice=Choice(parallel=False)))[1] == ["parallel_tool_calls"]
    assert write(talk(tools=(WEATHER,), choice=Choice(parallel=True)))[1] == []


def test_a_shape() -> None:
    told, emulated, _ = write(talk(shape=Shape({"const": 1})))
    shaped = {"responseMimeType": "application/json", "responseJsonSchema": {"enum": [1]}}
    assert (told, emulated) == ({"generationConfig": shaped}, [])
    assert write(talk(shape=Shape()))[0] == {"generationConfig": {"responseMimeType": "application/json"}}


def test_a_shape_beside_tools_is_natural_to_newer_models() -> None:
    told, emulated, _ = write(talk(shape=Shape(CITY), tools=(WEATHER,)))
    assert told["generationConfig"]["responseJsonSchema"] == CITY
    assert ("toolConfig" in told, emulated) == (False, [])


def test_older_models_give_the_shape_by_a_tool() -> None:
    taken = Tool("answer_answer")
    conversation = talk(shape=Shape(CITY, description="A city."), tools=(WEATHER, taken))
    told, emulated, _ = write(conversation, OLD)
    declared = told["tools"][0]["functionDeclarations"]
    assert [each["name"] for each in declared] == ["weather", "answer_answer", "answer_answer_"]
    assert declared[2]["parametersJsonSchema"] == CITY
    assert declared[2]["description"].endswith("A city.")
    assert told["toolConfig"] == {"functionCallingConfig": {"mode": "ANY"}}
    assert ("generationConfig" in told, emulated) == (False, ["structured_output"])
    assert answering_tool(conversation) == "answer_answer_"


def test_older_models_cannot_have_tools_and_any_json() -> None:
    with pytest.raises(InvalidRequest) as caught:
        write(talk(shape=Shape(), tools=(WEATHER,)), OLD, operation="responses")
    assert (caught.value.param, caught.value.code) == ("text.format", "unsupported_value")


@pytest.mark.parametrize("model", [NEW, OLD])
def test_a_shape_matters_where_words_may_come_and_tools_where_they_may_be_called(model: str) -> None:
    called, _, _ = write(talk(shape=Shape(CITY), tools=(WEATHER,), choice=Choice("any")), model)
    assert "generationConfig" not in called
    assert len(called["tools"][0]["functionDeclarations"]) == 1
    spoken, _, _ = write(talk(shape=Shape(CITY), tools=(WEATHER,), choice=Choice("none")), model)
    assert spoken == {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": CITY}}


@pytest.mark.parametrize(
    ("model", "thinking", "config", "emulated"),
    [
        (NEW, Thinking("low", shown=True), {"includeThoughts": True, "thinkingLevel": "LOW"}, False),
        (NEW, Thinking("none"), {"thinkingLevel": "MINIMAL"}, True),
        (NEW, Thinking("max"), {"thinkingLevel": "HIGH"}, True),
        ("gemini-3.1-pro-preview", Thinking("minimal"), {"thinkingLevel": "LOW"}, True),
        ("gemini-3.1-pro-preview", Thinking("medium"), {"thinkingLevel": "MEDIUM"}, False),
        (NEW, Thinking(budget=2000), {"thinkingBudget": 2000}, False),
        (NEW, Thinking("high", budget=2000), {"thinkingLevel": "HIGH"}, False),
        (OLD, Thinking("none"), {"thinkingBudget": 0}, False),
        (OLD, Thinking("medium"), {"thinkingBudget": 8192}, False),
        (OLD, Thinking(budget=60_000), {"thinkingBudget": 24_576}, True),
        (OLD_PRO, Thinking(budget=60_000), {"thinkingBudget": 32_768}, True),
        (OLD_PRO, Thinking("none"), {"thinkingBudget": 128}, True),
        (OLD, Thinking(shown=False), {"includeThoughts": False}, False),
    ],
)
def test_thinking(model: str, thinking: Thinking, config: dict[str, Any], emulated: bool) -> None:
    told, how, _ = write(talk(thinking=thinking), model)
    assert told == {"generationConfig": {"thinkingConfig": config}}
    assert how == (["reasoning"] if emulated else [])


def test_an_effort_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        write(talk(thinking=Thinking("enormous")), operation="messages")
    assert caught.value.param == "output_config.effort"


def test_the_operators_own_fields_have_the_last_word() -> None:
    parameters = {
        "temperature": 1,
        "thinkingLevel": "LOW",
        "serviceTier": "flex",
        "mediaResolution": "MEDIA_RESOLUTION_LOW",
    }
    told, _, _ = write(talk(sampling=Sampling(temperature=0.1), thinking=Thinking("high")), parameters=parameters)
    assert told == {
        "serviceTier": "flex",
        "generationConfig": {
            "temperature": 1,
            "mediaResolution": "MEDIA_RESOLUTION_LOW",
            "thinkingConfig": {"thinkingLevel": "LOW"},
        },
    }
