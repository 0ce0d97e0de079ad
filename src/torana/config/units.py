"""Durations and sizes as people write them: ``90s``, ``1h``, ``25 MiB``."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Self

_QUANTITY = re.compile(r"\s*([0-9]{1,15}(?:\.[0-9]{1,24})?)\s*([A-Za-z]*)\s*")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {
    "B": 1,
    "kB": 1000,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "KiB": 1024,
    "MiB": 1024**2,
    "GiB": 1024**3,
}


class Seconds(float):
    """A duration. Written as a number of seconds, or with a unit: ms, s, m, h, d."""

    def __str__(self) -> str:
        return _written(self, _SECONDS)

    @classmethod
    def parse(cls, written: object) -> Self:
        """Read what an operator wrote; ValueError says what would be right."""
        return cls(_quantity(written, _SECONDS, "s", "a duration such as 30s, 5m or 1h"))


class Bytes(int):
    """A size in bytes. Written as a whole number, or with a unit: KiB, MiB, GiB, kB, MB, GB."""

    def __str__(self) -> str:
        return _written(self, {unit: count for unit, count in _BYTES.items() if unit.endswith("iB") or unit == "B"})

    @classmethod
    def parse(cls, written: object) -> Self:
        """Read what an operator wrote; ValueError says what would be right."""
        right = "a size such as 512KiB or 25MiB"
        if isinstance(written, float):
            raise ValueError(f"expected {right}, got {written!r}")  # noqa: TRY004 - a reader of settings, not of types
        return cls(_quantity(written, _BYTES, "B", right))


def _written(quantity: float, units: Mapping[str, float]) -> str:
    """In the largest unit that makes a whole number of it."""
    for unit, worth in sorted(units.items(), key=lambda each: -each[1]):
        if quantity and (quantity / worth).is_integer():
            return f"{quantity / worth:.0f}{unit}"
    # With all its digits and no exponent, which nobody could write.
    return f"{Decimal(repr(float(quantity))).normalize():f}"


def _quantity(written: object, units: Mapping[str, float], plain: str, right: str) -> float:
    match = _QUANTITY.fullmatch(str(written))
    if match is None or (match[2] or plain) not in units:
        raise ValueError(f"expected {right}, got {written!r}")
    # In decimals, as they were written: 1001 times 0.001 in binary is not 1.001.
    return float(Decimal(match[1]) * Decimal(repr(units[match[2] or plain])))


URL = r"^https?://[^/?#\s@]+(/[^?#\s]*)?\Z"
"""The pattern of an address with no credentials, query or fragment."""

MAY_BE_ZERO = {"zero": True}
"""The mark of durations and sizes that mean something at 0; any other would stop the gateway from working."""
