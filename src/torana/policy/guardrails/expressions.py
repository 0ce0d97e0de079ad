"""Regular expressions that cannot hold up everybody: what they may be made of is bounded, and how they are run.

Python's own matching goes back and tries again, and cannot be interrupted. So an expression may not repeat what itself
repeats or chooses, and is tried on hard texts before it is taken; a long text is matched window by window, with room
for others in between, so that a check's time can be up.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from torana.core.clock import SystemClock

WINDOW, OVERLAP = 2048, 512
"""Characters that are matched at once, and how long a match may be that goes beyond them."""
MOST_REPEATS = 6
"""Repetitions without a bound in one expression."""
_SLOW, _VERY_SLOW = 0.1, 0.4
"""Seconds for the hardest text we can think of."""
_TRIED = (16, 22, 128, 512, 1024, WINDOW)
_TOKEN = re.compile(
    r"\\(?P<escape>\d+|.)|\[\^?\]?(?:\\.|[^\]\\])*\]|(?P<open>\((?:\?(?:P<\w+>|P=\w+\)|P>\w+\)|#[^)]*\)|[a-zA-Z-]*:|"
    r"[a-zA-Z-]+\)|<?[=!]|>|\(\w+\)))?)|(?P<close>\))|(?P<branch>\|)|"
    r"(?P<repeat>[*+?]|\{\d*,?\d*\})(?P<how>[?+]?)|.",
    re.DOTALL,
)
_BOUND = re.compile(r"\{(\d*)(,?)(\d*)\}")
_SMALL = 32
_MANY = 1 << 16


@dataclass(slots=True)
class _Group:
    atomic: bool = False
    varies: bool = False
    """Whether what is in it can be matched in more than one way."""
    endless: bool = False
    """Whether in very many."""


def compiled(written: str) -> re.Pattern[str]:
    """An expression that is safe to run on anybody's text; ValueError says what is wrong with it."""
    try:
        pattern = re.compile(written)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"is no regular expression: {error}") from error
    _check(written)
    if pattern.match(""):
        raise ValueError("matches where there is nothing")
    clock = SystemClock()
    for hard in _hard_texts(written):
        if _is_slow(pattern, hard, clock):
            raise ValueError("takes too long on some texts: bound its repetitions, such as {1,64}")
    return pattern


async def found(pattern: re.Pattern[str], text: str) -> AsyncIterator[tuple[int, int]]:
    """Where it matches, begin and end. Others get their turn after every window."""
    begin = 0
    while True:
        end = min(begin + WINDOW, len(text))
        border = end if end == len(text) else end - OVERLAP
        for match in pattern.finditer(text, begin, end):
            if match.start() >= border:
                break
            yield match.span()
            border = max(border, match.end())
        if end == len(text):
            return
        begin = border
        await asyncio.sleep(0)


def _check(written: str) -> None:
    groups = [_Group()]
    last: _Group | None = None
    unbounded = 0
    for token in _TOKEN.finditer(written):
        if token["escape"] and token["escape"].isdigit() and token["escape"] != "0":
            raise ValueError("refers back to a group, which can take for ever")
        opened = token["open"]
        if opened and opened.startswith(("(?P=", "(?(")):
            raise ValueError("refers back to a group, which can take for ever")
        if opened and not opened.endswith(")"):
            groups.append(_Group(atomic=opened.startswith("(?>")))
        elif token["close"] and len(groups) > 1:
            last = groups.pop()
            groups[-1].varies |= last.varies and not last.atomic
            groups[-1].endless |= last.endless and not last.atomic
            continue
        elif token["branch"]:
            groups[-1].varies = True
        elif token["repeat"]:
            most = _most(token["repeat"], least=False)
            varies = token["how"] != "+" and most != _most(token["repeat"], least=True)
            if (
                last is not None
                and not last.atomic
                and most > (_SMALL, 1)[last.endless]
                and (last.varies or last.endless)
            ):
                raise ValueError(
                    "repeats what itself repeats or chooses, which can take for ever: write (?>...) around that"
                )
            endless = varies and most > _SMALL
            unbounded += endless
            groups[-1].varies |= varies
            groups[-1].endless |= endless
        last = None
    if unbounded > MOST_REPEATS:
        raise ValueError(f"has more than {MOST_REPEATS} repetitions without a small bound")


def _most(repeat: str, *, least: bool) -> int:
    if repeat in {"*", "+", "?"}:
        return {"*": 0, "+": 1, "?": 0}[repeat] if least else {"*": _MANY, "+": _MANY, "?": 1}[repeat]
    low, comma, high = _BOUND.fullmatch(repeat).groups()  # type: ignore[union-attr]  # the token is one
    if least or not comma:
        return int(low or 0)
    return int(high) if high else _MANY


def _hard_texts(written: str) -> Iterator[str]:
    """What an expression would find, almost: runs of its own letters, and of such as its classes may mean."""
    letters = dict.fromkeys([*(letter for letter in written if letter.isalnum() or letter in "@-_. /:="), *"a0 .-\n"])
    words = "".join(letters)
    for length in _TRIED:
        for letter in list(letters)[:24]:
            yield letter * length + "\0"
        yield (words * (length // len(words) + 1))[:length] + "\0"


def _is_slow(pattern: re.Pattern[str], text: str, clock: SystemClock) -> bool:
    took = _seconds(pattern, text, clock)
    # The machine may be busy; twice in a row it is the expression.
    return took > _VERY_SLOW or (took > _SLOW and _seconds(pattern, text, clock) > _SLOW)


def _seconds(pattern: re.Pattern[str], text: str, clock: SystemClock) -> float:
    begin = clock.ticks()
    pattern.search(text)
    return clock.ticks() - begin
