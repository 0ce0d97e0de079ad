"""How much a model thinks, as its generation is told: by an effort, by a bound in tokens, or not at all.

Source: Anthropic's "Thinking" and "Effort"; ``ThinkingConfigParam``.
"""

from typing import Any

from torana.dialects.anthropic.asking.draft import Draft
from torana.dialects.anthropic.asking.turns import is_amid_tools
from torana.families.language.words import Thinking

_FIELDS = "reasoning_effort", "reasoning", "thinking"
_EFFORTS = ("minimal", "low", "medium", "high", "xhigh", "max")
BUDGETS = {"minimal": 1_024, "low": 2_048, "medium": 8_192, "high": 16_384, "xhigh": 24_576, "max": 32_768}
"""Tokens that an effort is worth, where a model knows no efforts; never more than most of the answer's."""
_LEAST = 1_024
"""The API takes no less."""
_UNSAID = "medium"


def add_thinking(draft: Draft) -> None:
    """What the client asks for, as far as the model can do it and the rest of the request lets it."""
    asked, able = draft.conversation.thinking, draft.able
    if draft.forced:
        # No model thinks before a tool that it must use; those who would by themselves are told not to.
        if able.off == "disabled":
            draft.body["thinking"] = {"type": able.off}
        if asked is not None and asked.effort != "none":
            draft.ignore(*_FIELDS)
    elif asked is None:
        return
    elif asked.effort == "none":
        _quiet(draft)
    elif able.adaptive and not (able.budgets and asked.budget):
        _adaptive(draft, asked)
    elif able.thinks:
        _bounded(draft, asked)
    else:
        draft.ignore(*_FIELDS)


def _quiet(draft: Draft) -> None:
    if draft.able.off == "never":
        _output(draft)["effort"] = draft.able.efforts[0]
        draft.ignore(*_FIELDS)
    elif draft.able.off:
        draft.body["thinking"] = {"type": draft.able.off}


def _adaptive(draft: Draft, asked: Thinking) -> None:
    told = {"type": "adaptive"}
    if asked.shown is not None:
        told["display"] = "summarized" if asked.shown else "omitted"
    draft.body["thinking"] = told
    effort = asked.effort if asked.budget is None else _worth(asked.budget)
    if effort in _EFFORTS:
        known = [each for each in draft.able.efforts if _EFFORTS.index(each) <= _EFFORTS.index(effort)]
        _output(draft)["effort"] = known[-1] if known else draft.able.efforts[0]


def _worth(budget: int) -> str:
    """The least effort that is worth as much."""
    return next((effort for effort, tokens in BUDGETS.items() if tokens >= budget), _EFFORTS[-1])


def _bounded(draft: Draft, asked: Thinking) -> None:
    longest: int = draft.body["max_tokens"]
    budget = asked.budget or BUDGETS.get(asked.effort or _UNSAID, BUDGETS[_UNSAID])
    budget = min(budget, longest * 3 // 4)
    # A model that is told to think goes on from thoughts alone, and another upstream's it cannot read.
    if budget < _LEAST or is_amid_tools(draft.body["messages"]):
        draft.ignore(*_FIELDS)
        return
    draft.body["thinking"] = {"type": "enabled", "budget_tokens": budget}
    if asked.shown is False:
        draft.body["thinking"]["display"] = "omitted"


def _output(draft: Draft) -> dict[str, Any]:
    output: dict[str, Any] = draft.body.setdefault("output_config", {})
    return output
