"""Money as it is counted: whole billionths of a US dollar, so that sums are exact wherever they are made."""

from decimal import ROUND_CEILING, Context, Decimal
from functools import lru_cache

NANO = 10**9
"""In a dollar."""

_EXACT = Context(prec=100, rounding=ROUND_CEILING)


@lru_cache(1024)
def nanos(dollars: Decimal) -> int:
    """Dollars as whole nano-dollars; a part of one counts as one, so that nothing is ever counted too low."""
    return int(_EXACT.multiply(dollars, NANO).to_integral_value(ROUND_CEILING))


def dollars(amount: int) -> Decimal:
    """Nano-dollars as dollars, exactly, without zeros that say nothing."""
    exact = Decimal(amount).scaleb(-9)
    return exact.quantize(Decimal(1)) if exact == exact.to_integral_value() else exact.normalize()
