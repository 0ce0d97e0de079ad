from typing import Any

import pytest

from tests.dialects.anthropic.spoken import ADAPTIVE, HELLO, NEW, OLD, SHAPED, asked, at, encoded, headers
from tests.dialects.sent import json_of
from torana.core.errors import InvalidRequest
from torana.dialects.anthropic import DIRECT
from torana.dialects.anthropic.asking.encoding import encode
from torana.families.language.words import Conversation, Reasoning, Sampling, Shape, Text, Thinking, Turn


def test_the_least_that_can_be_asked() -> None:
    made = encoded(ADAPTIVE)
    assert made.message.path == "/v1/messages"
    assert json_of(made.message) == {
        "model": ADAPTIVE,
        "max_tokens": 16_384,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
    }
    assert headers(made.message)["anthropic-version"] == "2023-06-01"
    assert (made.emulated, made.ignored) == ((), ())


def test_all_that_can_be_asked() -> None:
    sampling = Sampling(max_tokens=50, temperature=0.5, top_k=3, stop=("X", "Y"))
    body = asked(ADAPTIVE, Turn("system", (Text("Be brief."),)), *HELLO, sampling=sampling, user="u-1", stream=True)
    assert body == {
        "model": ADAPTIVE,
        "max_tokens": 50,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
        "system": "Be brief.",
        "temperature": 0.5,
        "top_k": 3,
        "stop_sequences": ["X", "Y"],
        "metadata": {"user_id": "u-1"},
        "stream": True,
    }


def test_the_operators_fields_go_first() -> None:
    made = encode(DIRECT, Conversation(HELLO), at(parameters={"max_tokens": 7, "service_tier": "auto"}))
    body = json_of(made.message)
    assert (body["max_tokens"], body["service_tier"]) == (7, "auto")


@pytest.mark.parametrize("turns", [(), (Turn("user", ()),)])
def test_nothing_to_answer_is_refused_before_it_is_asked(turns: tuple[Turn, ...]) -> None:
    with pytest.raises(InvalidRequest, match="neither an instruction nor empty"):
        encode(DIRECT, Conversation(turns), at())


@pytest.mark.parametrize(
    ("sampling", "param", "code"),
    [
        (Sampling(n=2), "n", "unsupported_value"),
        (Sampling(logprobs=0), "logprobs", "unsupported_parameter"),
        (Sampling(logit_bias={"5": 1.0}), "logit_bias", "unsupported_parameter"),
        (Sampling(stop=("X", "\n\n")), "stop", "unsupported_value"),
        (Sampling(temperature=1.5), "temperature", "unsupported_value"),
    ],
)
def test_what_cannot_be_asked_is_named(sampling: Sampling, param: str, code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        asked(ADAPTIVE, sampling=sampling)
    assert (caught.value.param, caught.value.code) == (param, code)


@pytest.mark.parametrize(
    ("model", "sampling", "thinking", "sent", "ignored"),
    [
        (OLD, Sampling(temperature=0, top_p=0.9), None, {"temperature": 0, "top_p": 0.9}, ()),
        (SHAPED, Sampling(temperature=0, top_p=0.9), None, {"temperature": 0}, ("top_p",)),
        (SHAPED, Sampling(temperature=1, top_p=0.9), None, {"top_p": 0.9}, ()),
        (SHAPED, Sampling(temperature=0.5, top_p=1), None, {"temperature": 0.5}, ()),
        (NEW, Sampling(temperature=1, top_p=1), None, {}, ()),
        (NEW, Sampling(temperature=1.7, top_p=0.5, top_k=3), None, {}, ("temperature", "top_p", "top_k")),
        (SHAPED, Sampling(temperature=0, top_k=3), Thinking("low"), {}, ("temperature", "top_k")),
        (SHAPED, Sampling(top_p=0.97), Thinking("low"), {"top_p": 0.97}, ()),
        (SHAPED, Sampling(top_p=0.5), Thinking("low"), {}, ("top_p",)),
        (OLD, Sampling(seed=1, presence_penalty=1, frequency_penalty=0), None, {}, ("seed", "presence_penalty")),
        (OLD, Sampling(frequency_penalty=-1), None, {}, ("frequency_penalty",)),
    ],
)
def test_how_words_are_chosen(
    model: str, sampling: Sampling, thinking: Thinking | None, sent: dict[str, Any], ignored: tuple[str, ...]
) -> None:
    body = asked(model, sampling=sampling, thinking=thinking)
    assert {name: body[name] for name in ("temperature", "top_p", "top_k") if name in body} == sent
    assert encoded(model, sampling=sampling, thinking=thinking).ignored == ignored


@pytest.mark.parametrize("user", ["ada@example.com", "x" * 257])
def test_names_by_which_somebody_could_be_known_are_not_told(user: str) -> None:
    assert "metadata" not in asked(ADAPTIVE, user=user)
    assert encoded(ADAPTIVE, user=user).ignored == ("user",)


def test_what_is_lost_is_told() -> None:
    turns = (
        Turn("user", (Text("Hello"),), name="ada"),
        Turn("assistant", (Reasoning("hm"), Text("Hi"))),
        *HELLO,
    )
    assert encoded(ADAPTIVE, *turns).ignored == ("messages.name", "messages.reasoning_content")


def test_what_is_emulated_is_told() -> None:
    assert encoded(OLD, shape=Shape()).emulated == ("structured_output",)
