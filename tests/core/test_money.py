from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.core.money import NANO, dollars, nanos


@pytest.mark.parametrize(
    ("amount", "counted"),
    [
        ("0", 0),
        ("1", NANO),
        ("0.000000001", 1),
        ("0.0000000001", 1),
        ("0.0000000011", 2),
        ("9000000", 9 * 10**15),
        # More digits than Python's own context keeps.
        ("0.00000000100000000000000000000000000000000000001", 2),
    ],
)
def test_parts_of_the_least_count_as_one(amount, counted):
    assert nanos(Decimal(amount)) == counted


@given(st.integers(0, 2**63))
def test_what_was_counted_comes_back(amount):
    assert nanos(dollars(amount)) == amount


@pytest.mark.parametrize(
    ("amount", "told"), [(0, "0"), (NANO, "1"), (20 * NANO, "20"), (NANO // 4, "0.25"), (5, "0.000000005")]
)
def test_it_is_told_without_zeros_that_say_nothing(amount, told):
    assert f"{dollars(amount):f}" == told
