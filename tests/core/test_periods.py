from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.core.periods import end_of, period


def moment(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("every", "now", "name", "begins", "ends"),
    [
        ("day", "2028-02-29T23:59:59", "2028-02-29", "2028-02-29", "2028-03-01"),
        ("week", "2026-01-01", "2026-W01", "2025-12-29", "2026-01-05"),
        ("week", "2027-01-03T23:59:59", "2026-W53", "2026-12-28", "2027-01-04"),
        ("month", "2026-12-31", "2026-12", "2026-12-01", "2027-01-01"),
        ("quarter", "2026-12-31", "2026-Q4", "2026-10-01", "2027-01-01"),
        ("quarter", "2026-01-01", "2026-Q1", "2026-01-01", "2026-04-01"),
    ],
)
def test_a_moment_lies_in_one_stretch_of_each_kind(every, now, name, begins, ends):
    stretch = period(every, moment(now))
    assert (stretch.name, stretch.begins, stretch.ends) == (name, moment(begins), moment(ends))


@given(
    st.sampled_from(["day", "week", "month", "quarter", "ever"]),
    st.floats(0, moment("2100-01-01")),
)
def test_its_name_tells_its_end(every, now):
    stretch = period(every, now)
    assert end_of(stretch.name) == stretch.ends
    assert stretch.begins <= now
    if stretch.ends is not None:
        assert now < stretch.ends
        assert period(every, stretch.ends).begins == stretch.ends


@pytest.mark.parametrize("name", ["", "2026", "2026-13", "2026-Q5", "2026-W60", "2026-02-30", "forever", "2026-Q"])
def test_other_names_are_none(name):
    with pytest.raises(ValueError, match=r".+"):
        end_of(name)
