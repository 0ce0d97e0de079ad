import pytest

from tests.dialects.openai_language.asking import at, request, sent
from torana.dialects.openai_language.chat import tongue
from torana.dialects.openai_language.chat.efforts import asked_by, suited
from torana.dialects.openai_language.responses_said import TONGUE
from torana.dialects.translated import translated
from torana.families.language.messages import VOICE
from torana.families.language.words import Thinking

ASKED = {"max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}


@pytest.mark.parametrize(
    ("model", "asked", "told"),
    [
        ("gpt-5.6", "none", "none"),
        ("openai/gpt-5.2", "max", "max"),
        ("gpt-5.1-codex", "max", "high"),
        ("gpt-5-mini", "none", "minimal"),
        ("gpt-5", "xhigh", "high"),
        ("o4-mini", "none", "low"),
        ("gpt-oss-120b", "minimal", "low"),
        ("llama-4", "high", "high"),
        ("gpt-5", "low", "low"),
        ("gpt-5", "odd", "odd"),
    ],
)
def test_the_nearest_effort_that_the_model_knows(model, asked, told):
    found = suited(Thinking(asked, shown=True), model)
    assert found.thinking == Thinking(told, shown=True)
    assert (found.emulated, found.ignored) == (asked != told, False)


@pytest.mark.parametrize("model", ["gpt-4.1", "gpt-4o", "gpt-3.5-turbo", "chatgpt-4o-latest", "gpt-5-chat-latest"])
def test_models_that_do_not_think_are_not_asked_to(model):
    assert suited(Thinking(budget=4096), model) == suited(Thinking("high"), model)
    assert suited(Thinking("high"), model).ignored
    assert suited(Thinking("none"), model).thinking is None
    assert not suited(Thinking("none"), model).ignored


def test_one_that_nobody_knows_is_not_told_not_to_think():
    assert suited(Thinking("none"), "llama-4").thinking is None
    assert suited(Thinking("none"), "llama-4").ignored
    assert suited(None, "gpt-5").thinking is None


def test_the_field_that_it_was_asked_by():
    assert asked_by(at(request(thinking={"type": "disabled"}, reasoning=None))) == "thinking"
    assert asked_by(at(request(reasoning_effort="none"))) == "reasoning_effort"


def way(tongue_of, model, **asked):
    request_of = request("messages", **ASKED, **asked)
    there = at(request_of)
    return translated(VOICE, tongue_of)(request_of, type(there)(model, there.occasion))


@pytest.mark.parametrize("told", [tongue(), TONGUE])
def test_an_agent_that_thinks_at_a_model_that_does_not(told):
    asking = way(told, "gpt-4.1", thinking={"type": "enabled", "budget_tokens": 4000})
    assert not {"reasoning", "reasoning_effort"} & sent(asking.message).keys()
    assert (asking.ignored, asking.emulated) == (("thinking",), ())


def test_no_thinking_at_a_model_that_always_thinks():
    asking = way(tongue(), "gpt-5-mini", thinking={"type": "disabled"})
    assert sent(asking.message)["reasoning_effort"] == "minimal"
    assert asking.emulated == ("reasoning",)
    assert sent(way(TONGUE, "o3", thinking={"type": "disabled"}).message)["reasoning"] == {"effort": "low"}
