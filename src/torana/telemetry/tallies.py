"""What is counted of requests between two looks at it: kept as it comes, and given to the metrics many at once.

A metric of the library's takes a lock and walks through its buckets for each value, and a request has a dozen values.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

from prometheus_client import Histogram

Labels = tuple[str, str, int, str | None, str | None, str | None, str | None]
"""What a request is counted by: route, method, status; and of a call its operation, model, target and error."""


class Tallied(Histogram):
    """A histogram that takes many values at once."""

    def take(self, values: list[float]) -> None:
        """Counts all of them, as ``observe`` would one by one; sorts them."""
        self._sum.inc(sum(values))
        for bucket, count in zip(self._buckets, counts(values, self._upper_bounds), strict=True):
            if count:
                bucket.inc(count)


def counts(values: list[float], bounds: Sequence[float]) -> list[int]:
    """How many values there are up to each bound and above the one before; sorts the values."""
    values.sort()
    return [end - begin for begin, end in pairwise([0, *[bisect_right(values, bound) for bound in bounds]])]


@dataclass(slots=True)
class Tally:
    """What was counted of requests that have all labels in common."""

    seconds: list[float] = field(default_factory=list)
    tokens_in: list[float] = field(default_factory=list)
    tokens_out: list[float] = field(default_factory=list)
    first_pieces: list[float] = field(default_factory=list)
    cost: Decimal = Decimal(0)
    unknown: int = 0
    """Calls whose cost nobody knows."""


@dataclass(slots=True)
class Gathered:
    """What was counted of requests and is not given to the metrics yet."""

    requests: int = 0
    by_labels: dict[Labels, Tally] = field(default_factory=dict)
    bodies: list[float] = field(default_factory=list)
    """Bytes of each body."""
    stages: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Seconds, by stage."""
