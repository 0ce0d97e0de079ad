import pytest
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.exposition import generate_latest

from torana.telemetry.tallies import Tallied, counts

BOUNDS = (1, 10, 100)
VALUES = [50, 1, 0.5, 10, 10.5, 1000, 100, 2, 0]


def told(histogram: Histogram) -> list[str]:
    registry = CollectorRegistry()
    registry.register(histogram)
    return [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]


def test_many_at_once_are_counted_as_one_by_one():
    one = Histogram("h", "h", ["of"], buckets=BOUNDS, registry=None)
    at_once = Tallied("h", "h", ["of"], buckets=BOUNDS, registry=None)
    for value in VALUES:
        one.labels("a").observe(value)
    at_once.labels("a").take(VALUES[:4])
    at_once.labels("a").take(VALUES[4:])
    assert told(at_once) == told(one)
    assert 'h_bucket{le="10.0",of="a"} 5.0' in told(one)


@pytest.mark.parametrize(
    ("values", "counted"), [([], [0, 0, 0]), ([1.0], [1, 0, 0]), ([1.1, 3.0, 2.0], [0, 2, 1]), ([9.0, 0.0], [1, 0, 1])]
)
def test_a_value_counts_up_to_the_first_bound_that_it_does_not_pass(values, counted):
    assert counts(values, (1, 2, float("inf"))) == counted
