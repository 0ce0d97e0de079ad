"""What a model can be asked for, by its name: where generations differ, the wrong word is refused.

Source: Anthropic's migration guides up to Claude 5.5, "Thinking", "Effort" and "Structured outputs".
"""

import re
from dataclasses import dataclass
from typing import Literal

_NAME = re.compile(r"claude-(?:([a-z]+)-)?(\d{1,2})(?:[-.](\d{1,2})(?!\d))?(?!\d)")
_OLDER, _NEWER, _UNKNOWN = 4_096, 16_384, 8_192
_LARGE = frozenset({"opus", "fable", "mythos"})
Off = Literal["", "disabled", "between_tools", "never"]


@dataclass(frozen=True, slots=True)
class Talents:
    """One model's."""

    longest: int = _UNKNOWN
    """Tokens of an answer at most, for clients who set no bound: the dialect demands one."""
    thinks: bool = True
    adaptive: bool = False
    """Whether it decides itself how much to think, given an effort."""
    budgets: bool = True
    """Whether it takes a bound on thoughts in tokens."""
    efforts: tuple[str, ...] = ()
    """From the least to the most."""
    off: Off = ""
    """How it is told not to think; nothing where it does not unless told to, ``never`` where it cannot be."""
    sampled: bool = True
    """Whether it takes ``temperature``, ``top_p`` and ``top_k``."""
    one_of_two: bool = False
    """Whether it takes but one of ``temperature`` and ``top_p``."""
    shaped: bool = False
    """Whether it takes a schema of its answer, and ``strict`` tools."""
    forced: bool = True
    """Whether it can be made to use a tool."""


def talents(model: str) -> Talents:
    """Those of a model, of whoever offers it; for an unknown name what most imitations know."""
    found = _NAME.search(model)
    if found is None:
        return Talents()
    line = found[1] or ""
    version = int(found[2]), int(found[3] or 0)
    adaptive = version >= (4, 6)
    return Talents(
        longest=_NEWER if version >= (4, 0) else _OLDER,
        thinks=version >= (3, 7),
        adaptive=adaptive,
        budgets=version < (4, 7),
        efforts=_efforts(version),
        off=_off(line, version),
        sampled=version < (4, 7),
        one_of_two=version >= (4, 1),
        shaped=version >= (4, 5),
        forced=not (version >= (5, 1) and line in _LARGE | {"sonnet"}),
    )


def _efforts(version: tuple[int, int]) -> tuple[str, ...]:
    if version >= (4, 7):
        return "low", "medium", "high", "xhigh", "max"
    return ("low", "medium", "high", "max") if version >= (4, 6) else ()


def _off(line: str, version: tuple[int, int]) -> Off:
    if line in {"fable", "mythos"} or (line == "opus" and version >= (5, 1)):
        return "never"
    if line == "sonnet" and version >= (5, 1):
        return "between_tools"
    return "disabled" if version >= (5, 0) else ""
