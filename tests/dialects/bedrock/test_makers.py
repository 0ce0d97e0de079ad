from typing import Any

import pytest

from torana.dialects.bedrock.makers import further_fields, is_approximate, maker_of
from torana.families.language.words import Sampling, Thinking

CLAUDE, NOVA, OPENAI = "eu.anthropic.claude-x", "us.amazon.nova-2-lite-v1:0", "openai.gpt-oss-120b-1:0"
MISTRAL, COHERE, LLAMA = "mistral.mistral-large", "cohere.command-r-v1:0", "meta.llama3"


def fields(model: str, sampling: Sampling = Sampling(), thinking: Thinking | None = None) -> Any:  # noqa: B008 - frozen
    return further_fields(maker_of(model), sampling, thinking)


def test_nothing_is_asked_for_nothing() -> None:
    assert fields(LLAMA) == fields(CLAUDE, thinking=Thinking(shown=True)) == {}


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (CLAUDE, {"top_k": 5}),
        (f"arn:aws:bedrock:us-east-1:1:inference-profile/{CLAUDE}", {"top_k": 5}),
        (NOVA, {"inferenceConfig": {"topK": 5}}),
        (MISTRAL, {"top_k": 5}),
        (COHERE, {"k": 5}),
    ],
)
def test_how_many_likeliest_words_count(model: str, told: object) -> None:
    assert fields(model, Sampling(top_k=5)) == told


@pytest.mark.parametrize(
    ("model", "thinking", "told"),
    [
        (CLAUDE, Thinking(budget=3000), {"thinking": {"type": "enabled", "budget_tokens": 3000}}),
        (CLAUDE, Thinking("medium"), {"thinking": {"type": "enabled", "budget_tokens": 4096}}),
        (CLAUDE, Thinking("none"), {"thinking": {"type": "disabled"}}),
        (CLAUDE, Thinking(budget=0), {"thinking": {"type": "disabled"}}),
        (NOVA, Thinking("xhigh"), {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}),
        (NOVA, Thinking("none"), {"reasoningConfig": {"type": "disabled"}}),
        (OPENAI, Thinking("minimal"), {"reasoning_effort": "low"}),
        (OPENAI, Thinking("none"), {"reasoning_effort": "low"}),
        (LLAMA, Thinking("none"), {}),
    ],
)
def test_thinking(model: str, thinking: Thinking, told: object) -> None:
    assert fields(model, thinking=thinking) == told


@pytest.mark.parametrize(("longest", "budget"), [(100_000, 16_384), (5000, 4999), (1024, None), (1025, 1024)])
def test_thoughts_leave_room_for_an_answer(longest: int, budget: int | None) -> None:
    thinking = fields(CLAUDE, Sampling(max_tokens=longest), Thinking("high"))["thinking"]
    assert thinking == ({"type": "disabled"} if budget is None else {"type": "enabled", "budget_tokens": budget})


@pytest.mark.parametrize(
    ("model", "thinking", "told"),
    [
        (CLAUDE, Thinking("low"), True),
        (CLAUDE, Thinking("none"), False),
        (CLAUDE, Thinking("low", 2000), False),
        (NOVA, Thinking("low"), False),
        (NOVA, Thinking("xhigh"), True),
        (NOVA, Thinking(budget=2000), True),
        (OPENAI, Thinking("minimal"), True),
        (LLAMA, Thinking("none"), False),
    ],
)
def test_what_is_had_in_other_words_is_known(model: str, thinking: Thinking, told: bool) -> None:
    assert is_approximate(maker_of(model), thinking) is told
