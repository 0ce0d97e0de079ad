import json

import pytest

from torana.core.errors import InvalidRequest
from torana.families.language.chat.family import parse
from torana.families.language.chat.hearing import EFFORTS, hear
from torana.families.language.words import Conversation, Sampling, Shape, Text, Thinking, Tool, Turn

HI = Turn("user", (Text("Hi"),))


def heard(**members):
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], **members}
    return hear(parse(json.dumps(body).encode()))


def test_the_least():
    assert heard() == Conversation((HI,))


def test_all_there_is():
    assert heard(
        stream=True, tools=[{"type": "function", "function": {"name": "f"}}], max_tokens=5, max_completion_tokens=9,
        temperature=0, top_p=0.5, top_k=4, stop="x", seed=7, presence_penalty=1, frequency_penalty=2,
        logit_bias={"5": -100}, n=2, logprobs=True, top_logprobs=3, user="anna",
    ) == Conversation(
        (HI,), (Tool("f"),), stream=True, user="anna",
        sampling=Sampling(max_tokens=9, temperature=0, top_p=0.5, top_k=4, stop=("x",), seed=7, presence_penalty=1,
                          frequency_penalty=2, logit_bias={"5": -100}, n=2, logprobs=3),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("members", "sampling"),
    [
        ({"max_tokens": 5}, Sampling(max_tokens=5)),
        ({"stop": ["a", "b"]}, Sampling(stop=("a", "b"))),
        ({"stop": ""}, Sampling()),
        ({"logprobs": True}, Sampling(logprobs=0)),
        ({"logprobs": False, "top_logprobs": 3}, Sampling()),
        ({"temperature": None, "n": None, "logit_bias": None}, Sampling()),
    ],
)
def test_sampling(members, sampling):
    assert heard(**members).sampling == sampling


def test_the_newer_name_of_the_user_counts():
    assert heard(user="a", safety_identifier="b").user == "b"


@pytest.mark.parametrize(
    ("given", "shape"),
    [
        ({"type": "text"}, None),
        (None, None),
        ({"type": "json_object"}, Shape()),
        ({"type": "json_schema", "json_schema": {"name": "p", "schema": {"type": "object"}, "strict": True}},
         Shape({"type": "object"}, "p", strict=True)),
        ({"type": "json_schema", "json_schema": {"name": "p", "description": "One."}}, Shape({}, "p", "One.")),
    ],
)  # fmt: skip
def test_shapes(given, shape):
    assert heard(response_format=given).shape == shape


@pytest.mark.parametrize(
    ("members", "thinking"),
    [
        ({"reasoning_effort": "none"}, Thinking("none")),
        ({"reasoning": {"effort": "high", "exclude": True}}, Thinking("high", shown=False)),
        ({"reasoning": {"max_tokens": 2000}}, Thinking(budget=2000)),
        ({"reasoning": {"enabled": True}}, None),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, Thinking(budget=1024, shown=True)),
        ({"thinking": {"type": "disabled"}}, Thinking("none")),
        ({"thinking": {"type": "adaptive"}, "reasoning_effort": "low"}, Thinking("low", shown=True)),
        ({"reasoning_effort": None}, None),
    ],
)
def test_thinking(members, thinking):
    assert heard(**members).thinking == thinking


def test_every_effort():
    assert [heard(reasoning_effort=effort).thinking for effort in EFFORTS] == [Thinking(effort) for effort in EFFORTS]


def test_what_changes_nothing_is_told():
    members = {"metadata": {"a": "b"}, "store": True, "service_tier": "flex", "prediction": {"type": "content"},
               "prompt_cache_key": "k", "verbosity": "low", "new": 1, "seed": None}  # fmt: skip
    assert set(heard(**members).unheard) == set(members) - {"seed"}
    assert heard(modalities=["text"], stream_options={"include_usage": True}).unheard == ()


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"modalities": ["text", "audio"]}, "modalities", "unsupported_value"),
        ({"audio": {"voice": "alloy", "format": "mp3"}}, "audio", "unsupported_parameter"),
        ({"web_search_options": {}}, "web_search_options", "unsupported_parameter"),
        ({"moderation": {"model": "omni"}}, "moderation", "unsupported_parameter"),
        ({"reasoning_effort": "huge"}, "reasoning_effort", "unsupported_value"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort", "unsupported_value"),
        ({"response_format": {"type": "xml"}}, "response_format.type", "unsupported_value"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", "invalid_value"),
        ({"response_format": {}}, "response_format.type", "missing_required_parameter"),
        ({"top_logprobs": 21}, "top_logprobs", "invalid_value"),
        ({"stop": 5}, "stop", "invalid_type"),
        ({"seed": "x"}, "seed", "invalid_type"),
        ({"top_k": 1.5}, "top_k", "invalid_type"),
        ({"logit_bias": {"1": "x"}}, "logit_bias[...]", "invalid_type"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "invalid_value"),
    ],
)
def test_what_nobody_else_would_understand(members, param, code):
    with pytest.raises(InvalidRequest) as refused:
        heard(**members)
    assert (refused.value.param, refused.value.code) == (param, code)
