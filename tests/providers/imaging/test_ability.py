from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.providers.imaging.ability import Scale, free


@pytest.mark.parametrize(("strength", "there"), [(0, 1.0), (0.5, 0.7), (1, 0.2), (0.25, 0.85)])
def test_a_scale_may_run_the_other_way(strength: float, there: float) -> None:
    assert Scale(close=1.0, far=0.2, usual=0.7).of(strength) == pytest.approx(there)


@given(
    st.floats(0, 1),
    st.floats(0, 1),
    st.tuples(st.floats(-100, 100), st.floats(-100, 100)).filter(lambda ends: abs(ends[0] - ends[1]) > 1),
)
def test_a_scale_keeps_the_order_and_its_ends(one: float, other: float, ends: tuple[float, float]) -> None:
    close, far = ends
    scale = Scale(close, far)
    low, high = sorted((one, other))
    assert (scale.of(high) - scale.of(low)) * (far - close) >= -1e-3
    assert scale.of(0) == pytest.approx(close, abs=1e-4)
    assert scale.of(1) == pytest.approx(far, abs=1e-4)


def test_what_is_made_here_costs_nothing_and_says_so() -> None:
    assert (free(3).images, free(3).cost) == (3, Decimal(0))
    assert free(3).price
