"""What is written down of calls: one row each, opened before anything may be spent and closed with what came of it.

Money is in nano-dollars (``core.money``), times are seconds since the epoch.
"""

from collections.abc import Mapping
from typing import Literal, Self

from msgspec import Struct

Kind = Literal["user", "service_account"]

LOST = "lost"
"""The error of a call whose gateway died before it could say what came of it."""


UNKNOWN = "unknown"
"""Said in a row for what nobody knows: of a call that is lost with its journal only what it had reserved is left."""


class Charge(Struct, frozen=True, array_like=True, gc=False):
    """A budget that a call draws on: which, whose share of it, and in which period."""

    budget: str
    share: str
    """What the budget counts apart, such as ``user=anna``; empty where all draw on it together."""
    period: str

    @property
    def key(self) -> str:
        """Its counter's name; no part of it has a space."""
        return f"{self.budget} {self.share} {self.period}"

    @classmethod
    def of(cls, key: str) -> Self:
        """The charge whose counter has this name."""
        budget, _, rest = key.partition(" ")
        share, _, period = rest.partition(" ")
        return cls(budget, share, period)


class Opened(Struct, frozen=True, tag="opened", omit_defaults=True, gc=False):
    """A call as it begins: who asks for what, and the most that it may cost."""

    id: str
    """The row's own, never the caller's: nobody else can have it."""
    request_id: str
    at: float
    subject: str
    kind: Kind
    issuer: str
    operation: str
    model: str | None = None
    """As the caller names it; None where he named none, or none that exists."""
    key: str | None = None
    """Id of the virtual key that he used."""
    teams: tuple[str, ...] = ()
    metadata: Mapping[str, str] = {}
    charges: tuple[Charge, ...] = ()
    reserved: int = 0
    """Of each of these budgets."""
    expires: float = 0.0
    """When a call that is not closed by then never will be."""


class Closed(Struct, frozen=True, tag="closed", omit_defaults=True, gc=False):
    """What came of a call."""

    id: str
    at: float
    status: int
    error: str | None = None
    """The error's code on the wire."""
    rule: str | None = None
    """The limit, budget or grant that refused it."""
    target: str | None = None
    images: int | None = None
    tokens: Mapping[str, int] = {}
    cost: int | None = None
    """None is unknown, never nothing."""
    price: str | None = None
    """Where the price was read, and when."""
    charged: int = 0
    """To each of its budgets: the cost, or all that was reserved where money may be gone and nobody knows how much."""
    settled: bool = False
    """Whether the counters know of it; else whoever puts the row away tells them."""
    replayed: bool = False


class Row(Struct, frozen=True):
    """A call, from its beginning to its end."""

    opened: Opened
    closed: Closed


class Spent(Struct, frozen=True, array_like=True):
    """What a budget's share has been charged in a period so far."""

    charge: Charge
    amount: int
