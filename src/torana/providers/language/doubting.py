"""What is not taken from an upstream as it says it: figures that cannot be true, and what it ought not to repeat."""

import re
from decimal import Decimal

from torana.core.errors import ToranaError
from torana.dialects.ways import Consumption

_MOST = 10**9
"""Of anything that one answer takes: no model has read or said as much. More would fill budgets for good."""
_MOST_DOLLARS = 1_000_000
_PLACES = 12
"""Of what is charged: a number may be written that is longer than any reply."""
_SHORTEST_KEY = 8
"""Letters: a shorter one is in every other word, and no secret."""
_HIDDEN = "[hidden]"
_CREDENTIALS = re.compile(r"\b(bearer|basic)\s+[\w.~+/=:-]{8,}", re.IGNORECASE)
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""What an error's code looks like; it is counted in metrics and stands in logs."""


def credible(used: Consumption) -> Consumption:
    """What was used as far as it can be believed: nothing below zero, nothing beyond all measure."""
    if used.charged is None and used.seconds is None and used.units is None:
        counts = used.tokens.values()
        if not counts or (min(counts) > 0 and max(counts) <= _MOST):
            return used
    return Consumption(
        {kind: min(count, _MOST) for kind, count in used.tokens.items() if count > 0},
        None if used.charged is None else _dollars(used.charged),
        used.characters,
        None if used.seconds is None else _within(used.seconds),
        None if used.units is None else min(max(used.units, 0), _MOST),
    )


def discreet(error: ToranaError, key: str | None) -> ToranaError:
    """The error without what opens the upstream's door, should it have repeated that; its code, if it is like one."""
    error.message = _hiding(error.message, key)
    if error.param is not None:
        error.param = _hiding(error.param, key)
    if error.code is not None and (not _CODE.fullmatch(error.code) or _hiding(error.code, key) != error.code):
        error.code = error.default_code
    return error


def _hiding(text: str, key: str | None) -> str:
    if key is not None and len(key) >= _SHORTEST_KEY:
        text = text.replace(key, _HIDDEN)
    return _CREDENTIALS.sub(rf"\1 {_HIDDEN}", text)


def _dollars(charged: Decimal) -> Decimal | None:
    if not charged.is_finite() or not 0 <= charged <= _MOST_DOLLARS:
        return None
    return round(charged, _PLACES).normalize()


def _within(seconds: Decimal) -> Decimal | None:
    return seconds if seconds.is_finite() and 0 <= seconds <= _MOST else None
