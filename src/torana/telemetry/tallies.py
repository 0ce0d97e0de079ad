"""What is counted of requests between two looks at it: kept as it comes, and given to the metrics many at once.

A metric of the library's takes a lock and walks through its buckets for each value, and a request has a dozen values.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from prometheus_client import Histogram


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
