import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.storage.counters import gcra
from torana.storage.counters.port import Level, Rate, Refusal, Settlement, Take

NOW = 1_000_000_000
TEN_A_SECOND = Rate(10, 1.0)
UNIT = TEN_A_SECOND.span
"""What one unit moves the moment by: as many parts of a microsecond as the window has microseconds."""


def take(amount: int, rate: Rate = TEN_A_SECOND) -> Take:
    return Take("key", amount, rate)


def present(rate: Rate = TEN_A_SECOND) -> int:
    return NOW * rate.limit


@pytest.mark.parametrize(
    ("kept", "expected"),
    [(0, 0), (present() - 1, 0), (present() + 3, 3), (present() + 10 * UNIT, 10 * UNIT), (present() * 2, 10 * UNIT)],
)
def test_a_counter_is_never_more_than_whole_nor_less_than_empty(kept, expected):
    assert gcra.standing(TEN_A_SECOND, kept, NOW) == present() + expected


@pytest.mark.parametrize(("amount", "fits"), [(0, True), (1, True), (6, True), (7, False)])
def test_a_take_moves_the_moment_and_fits_up_to_one_window(amount, fits):
    after, fitted = gcra.taken(take(amount), present() + 4 * UNIT, NOW)
    assert after == present() + (4 + amount) * UNIT
    assert fitted is fits


@pytest.mark.parametrize("limit", [1, 3, 7, 1000, 999_983, 10**15])
@pytest.mark.parametrize("window", [0.001, 1.0, 60.0, 86_400.0])
def test_exactly_the_limit_fits_whatever_it_is(limit, window):
    rate = Rate(limit, window)
    first, fits = gcra.taken(take(limit - 1, rate), present(rate), NOW)
    second, also_fits = gcra.taken(take(1, rate), first, NOW)
    _, too_much = gcra.taken(take(1, rate), second, NOW)
    assert (fits, also_fits, too_much) == (True, True, False)


def test_a_verdict_tells_what_remains_and_when_all_of_it_is_back():
    (level,) = gcra.granted([take(1)], [present() + 4 * UNIT + 1], NOW).levels
    assert level.remaining == 5
    assert level.reset == pytest.approx(0.4)


def test_the_longest_wait_is_told():
    short, long, never = (Take("key", amount, Rate(10, window)) for amount, window in [(1, 1.0), (1, 60.0), (11, 1.0)])
    empty = [present() + 10 * each.rate.span for each in (short, long, never)]
    assert gcra.refused([short, long], empty[:2], NOW, full=2).refusal == Refusal(1, 6.0)
    assert gcra.refused([never, short, long], [empty[2], *empty[:2]], NOW).refusal == Refusal(0, None)


def test_a_full_hold_counts_on_after_the_takes():
    assert gcra.refused([take(1)], [present()], NOW, full=3).refusal == Refusal(3, None)


@pytest.mark.parametrize(
    ("filled", "used", "left"),
    [
        (0, 2, 2),  # at once: as if only that had been taken
        (1, 2, 1),  # a unit came back meanwhile, of both
        (5, 2, 0),  # all that was used came back, and some of what was not
        (9, 2, 0),
        (5, 0, 0),
        (0, 8, 8),
        (5, 11, 6),  # beyond the estimate: charged when it is known
        (0, 99, 10),  # and no more than there is
    ],
)
def test_the_truth_takes_the_place_of_the_estimate(filled, used, left):
    reserved = present() + 7 * UNIT
    settlement = Settlement(Level(take(7), reserved, NOW), used)
    later = NOW + filled * TEN_A_SECOND.span // TEN_A_SECOND.limit
    assert gcra.settled(settlement, reserved, later) == later * TEN_A_SECOND.limit + left * UNIT


@given(st.integers(0, 12), st.integers(0, 99), st.integers(-3, 14), st.integers(-3, 14))
def test_the_truth_is_told_in_one_as_in_three(amount, used, ahead, later):
    """What a store does that is told what was reserved, what it would be, and what to add."""
    limit = TEN_A_SECOND.limit
    now = NOW + later * TEN_A_SECOND.span // limit
    settlement = Settlement(Level(take(amount), present() + amount * UNIT, NOW), used)
    reserved, true, more = gcra.corrected(settlement)
    kept = present() + ahead * UNIT
    back = max(reserved, now * limit) - max(true, now * limit)
    told = gcra.standing(TEN_A_SECOND, max(kept, now * limit) + more - back, now)
    assert gcra.settled(settlement, kept, now) == told


def test_what_came_back_by_itself_is_not_given_back_again():
    """Seven were reserved and are whole again; what somebody else took since is his."""
    settlement = Settlement(Level(take(7), present() + 7 * UNIT, NOW), 0)
    later = NOW + TEN_A_SECOND.span
    others = later * TEN_A_SECOND.limit + 9 * UNIT
    assert gcra.settled(settlement, others, later) == others


@given(st.integers(1, 10**15), st.integers(0, 10**16), st.integers(-(10**6), 3 * 10**6))
def test_a_take_is_looked_at_and_taken_in_one(limit, amount, ahead):
    rate = Rate(limit, 1.0)
    kept = (NOW + ahead) * limit
    after, fits = gcra.taken(take(amount, rate), gcra.standing(rate, kept, NOW), NOW)
    left = [Level(take(amount, rate), after, NOW)] if fits else None
    assert gcra.asked([take(amount, rate)], {"key": gcra.Counter(kept, limit)}, NOW) == left


def test_a_counter_that_is_new_is_whole():
    assert gcra.asked([take(10)], {}, NOW) == [Level(take(10), present() + 10 * UNIT, NOW)]


def test_what_was_counted_by_another_limit_stays_as_far_off():
    counter = gcra.Counter((NOW + 500_000) * 20, 20)
    assert gcra.asked([take(0)], {"key": counter}, NOW) == [Level(take(0), (NOW + 500_000) * 10, NOW)]


def test_one_take_that_does_not_fit_is_enough():
    assert gcra.asked([take(1), take(11)], {}, NOW) is None
