"""What Converse has no words for, in the words of each model's maker.

Source: the makers' parameters in Bedrock's user guide, "Inference request parameters", and its guide to prompt caching.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torana.core.errors import InvalidRequest
from torana.families.language.words import Sampling, Thinking

Fields = dict[str, Any]
_LEAST_BUDGET = 1024
_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 4096, "high": 16_384, "xhigh": 24_576, "max": 31_999}
_LEVELS = {"minimal": "low", "xhigh": "high", "max": "high"}
"""Efforts that are not known everywhere, and the nearest one that is."""


@dataclass(frozen=True, slots=True)
class Maker:
    """How a maker's models are told what is not in Converse."""

    top_k: Callable[[int], Fields] | None = field(default=None, repr=False)
    """None where they do not know it."""
    think: Callable[[Thinking, int | None], Fields] | None = field(default=None, repr=False)
    """Given the bound on the answer in tokens, too. None where they cannot be told."""
    caches: frozenset[str] = frozenset()
    """Where marks may stand of what is worth keeping: ``system``, ``messages``, ``tools``."""
    budgets: bool = False
    """Whether thoughts are bounded in tokens, and not by an effort."""


def _claude(thinking: Thinking, longest: int | None) -> Fields:
    if thinking.effort == "none" or thinking.budget == 0:
        return {"thinking": {"type": "disabled"}}
    budget = thinking.budget
    if budget is None:
        budget = _BUDGETS.get(thinking.effort or "", _LEAST_BUDGET)
        # Thoughts count as part of the answer, which must have room for more.
        budget = budget if longest is None else min(budget, longest - 1)
        if budget < _LEAST_BUDGET:
            return {"thinking": {"type": "disabled"}}
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}


def _nova(thinking: Thinking, _longest: int | None) -> Fields:
    if thinking.effort == "none":
        return {"reasoningConfig": {"type": "disabled"}}
    return {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": _level(thinking)}}


def _open_models(thinking: Thinking, _longest: int | None) -> Fields:
    return {"reasoning_effort": "low" if thinking.effort == "none" else _level(thinking)}


def _level(thinking: Thinking) -> str:
    effort = thinking.effort or "medium"
    return _LEVELS.get(effort, effort)


def is_approximate(maker: Maker, thinking: Thinking) -> bool:
    """Whether thinking is had in other words than it was asked for."""
    if maker.budgets:
        return thinking.budget is None and thinking.effort not in {None, "none"}
    return maker.think is not None and (thinking.budget is not None or thinking.effort in _LEVELS)


_MAKERS: Mapping[str, Maker] = {
    "anthropic.": Maker(
        lambda k: {"top_k": k}, _claude, caches=frozenset({"system", "messages", "tools"}), budgets=True
    ),
    "amazon.nova": Maker(lambda k: {"inferenceConfig": {"topK": k}}, _nova, caches=frozenset({"system", "messages"})),
    "mistral.": Maker(lambda k: {"top_k": k}),
    "cohere.": Maker(lambda k: {"k": k}),
    "openai.": Maker(None, _open_models),
}
_OTHERS = Maker()


def maker_of(model: str) -> Maker:
    """Who made a model, which its name says wherever it stands: behind a region, or in the name of a resource."""
    return next((maker for name, maker in _MAKERS.items() if name in model), _OTHERS)


def further_fields(maker: Maker, sampling: Sampling, thinking: Thinking | None) -> Fields:
    """``additionalModelRequestFields``; InvalidRequest for what the maker's models do not know."""
    fields: Fields = {}
    if sampling.top_k is not None:
        if maker.top_k is None:
            raise _unknown("top_k")
        fields |= maker.top_k(sampling.top_k)
    if thinking is not None and (thinking.effort is not None or thinking.budget is not None):
        if maker.think is None:
            if thinking.effort == "none" or thinking.budget == 0:
                return fields
            raise _unknown("reasoning_effort" if thinking.budget is None else "thinking")
        fields |= maker.think(thinking, sampling.max_tokens)
    return fields


def _unknown(name: str) -> InvalidRequest:
    return InvalidRequest(f"This model does not know '{name}'.", param=name, code="unsupported_parameter")
