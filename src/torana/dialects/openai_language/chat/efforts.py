"""How much a model can be asked to think, by its name: each generation knows words that another refuses.

Source: OpenAI's reasoning guide and its models' pages. Of other names nothing is known, but that most of
them refuse a word for not thinking at all.
"""

import re
from dataclasses import dataclass, replace

from torana.dialects.ways import At
from torana.families.language.words import Thinking

_ALL = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_NAME = re.compile(r"(?:^|/)(?:(chatgpt|gpt-3|gpt-4|gpt-[5-9][\d.]*-chat)|(o\d|gpt-oss)|gpt-(\d{1,3})(?:\.(\d{1,3}))?)")
_FIELDS = ("reasoning", "thinking", "output_config", "reasoning_effort")
_USUAL = ("low", "medium", "high")
_MINIMAL, _MORE = (5, 0), (5, 2)


@dataclass(frozen=True, slots=True)
class Suited:
    """What is asked of a model in place of what the client asks."""

    thinking: Thinking | None
    emulated: bool = False
    """Whether it is the nearest that the model knows."""
    ignored: bool = False
    """Whether the model cannot be asked."""


def asked_by(at: At) -> str:
    """The field in which the client asked for it."""
    body = at.occasion.request.body
    return next((name for name in _FIELDS if body.get(name) is not None), _FIELDS[0])


def suited(thinking: Thinking | None, model: str) -> Suited:
    """How much the model is to think, in words that it knows."""
    if thinking is None:
        return Suited(None)
    known, effort = _efforts(model), thinking.effort
    if known == ():
        return Suited(None, ignored=effort != "none")
    if known is None:
        return Suited(None, ignored=True) if effort == "none" else Suited(thinking)
    if effort not in _ALL or effort in known:
        return Suited(thinking)
    less = [each for each in known if _ALL.index(each) <= _ALL.index(effort)]
    return Suited(replace(thinking, effort=less[-1] if less else known[0]), emulated=True)


def _efforts(model: str) -> tuple[str, ...] | None:
    """From the least to the most; none for a model that does not think, None for one that nobody knows."""
    found = _NAME.search(model)
    if found is None:
        return None
    if found[1]:
        return ()
    if found[2]:
        return _USUAL
    version = int(found[3]), int(found[4] or 0)
    if version == _MINIMAL:
        return ("minimal", *_USUAL)
    return ("none", *_USUAL) if version < _MORE else ("none", *_USUAL, "xhigh", "max")
