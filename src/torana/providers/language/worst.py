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


class Ceiling:
    """A price, and how many tokens come out of one answer where the client sets no bound."""

    __slots__ = ("_dearest_in", "_dearest_out", "_each_in", "_each_out", "_most_out", "_price")

    def __init__(self, price: Price, most_out: int) -> None:
        self._price = price
        self._most_out = most_out
        self._dearest_in = _dearest(price, "_in")
        self._dearest_out = _dearest(price, "_out")
        self._each_in = _of_one(price, self._dearest_in)
        self._each_out = _of_one(price, self._dearest_out)

    def of(self, request: Worded) -> Decimal | None:
        """US dollars at most: every byte a token of the dearest kind that goes in, and as many words as may come.

        None where the price cannot tell.
        """
        if self._each_in is not None and self._each_out is not None:
            longest = request.longest
            if longest is None:
                longest = self._most_out * request.answers
            return self._each_in * request.length + self._each_out * longest
        tokens: dict[str, int] = {}
        if self._dearest_in is not None:
            tokens[self._dearest_in] = request.length
        if self._dearest_out is not None:
            longest = request.longest
            tokens[self._dearest_out] = self._most_out * request.answers if longest is None else longest
        seconds = request.seconds
        consumed = Consumed(
            requests=request.most_units,
            tokens=tokens,
            characters=request.characters,
            seconds=None if seconds is None else Decimal(str(seconds)),
        )
        return self._price.of(consumed)


def _of_one(price: Price, kind: str | None) -> Decimal | None:
    """What a token costs where nothing but tokens is charged for, in US dollars."""
    return price.of_tokens({kind: 1}) if kind is not None and price.is_of_tokens_alone else None


def _dearest(price: Price, ending: str) -> str | None:
    """The dearest kind of token of those that go in, or come out."""
    kinds = price.per_million_tokens
    return max((kind for kind in kinds if kind.endswith(ending)), key=kinds.__getitem__, default=None)
