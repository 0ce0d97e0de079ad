"""Money as it is counted: whole billionths of a US dollar, so that sums are exact wherever they are made."""

import math
from decimal import ROUND_CEILING, Context, Decimal

NANO = 10**9
"""In a dollar."""

_NANO = Decimal(NANO)
_EXACT = Context(prec=100, rounding=ROUND_CEILING)


def nanos(dollars: Decimal) -> int:
    """Dollars as whole nano-dollars; a part of one counts as one, so that nothing is ever counted too low."""
    return math.ceil(_EXACT.multiply(dollars, _NANO))


def dollars(amount: int) -> Decimal:
    """Nano-dollars as dollars, exactly, without zeros that say nothing."""
    exact = Decimal(amount).scaleb(-9)
    return exact.quantize(Decimal(1)) if exact == exact.to_integral_value() else exact.normalize()
