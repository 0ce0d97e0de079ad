"""The most that a request in words may plausibly cost, told from its fields alone."""

from decimal import Decimal
from typing import Protocol

from torana.core.price import Consumed, Price


class Worded(Protocol):
    """What a request's price depends on."""

    @property
    def free(self) -> bool:
        """Whether vendors take no money for it."""
        ...

    @property
    def length(self) -> int:
        """Bytes of all that is asked, of which a token has at least one."""
        ...

    @property
    def longest(self) -> int | None:
        """Tokens that may come out, as far as the client bounds them, in all answers together."""
        ...

    @property
    def answers(self) -> int:
        """How many answers are asked for."""
        ...

    @property
    def characters(self) -> int:
        """Of a text that is to be spoken."""
        ...

    @property
    def seconds(self) -> float | None:
        """Of a sound that is to be listened to, at most."""
        ...

    @property
    def most_units(self) -> int:
        """Of what a call is charged by that is charged by calls, at most."""
        ...


def most(request: Worded, price: Price, most_out: int) -> Decimal | None:
    """US dollars at most: every byte a token of the dearest kind that goes in, and as many words as may come.

    ``most_out`` is how many come in one answer where the client sets no bound. None where the price cannot tell.
    """
    kinds = price.per_million_tokens
    tokens: dict[str, int] = {}
    going_in = [kind for kind in kinds if kind.endswith("_in")]
    coming_out = [kind for kind in kinds if kind.endswith("_out")]
    if going_in:
        tokens[max(going_in, key=kinds.__getitem__)] = request.length
    if coming_out:
        longest = most_out * request.answers if request.longest is None else request.longest
        tokens[max(coming_out, key=kinds.__getitem__)] = longest
    seconds = None if request.seconds is None else Decimal(str(request.seconds))
    consumed = Consumed(tokens=tokens, characters=request.characters, seconds=seconds, requests=request.most_units)
    return price.of(consumed)
