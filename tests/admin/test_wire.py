import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.admin.wire import Page, Paged, maybe_time, money, owner_of, page, page_of, time_of
from torana.core.errors import InvalidRequest


@given(st.sets(st.text(min_size=1)), st.integers(1, 5))
def test_pages_make_up_the_list(items: set[str], limit: int) -> None:
    seen: list[str] = []
    following: str | None = None
    while True:
        found = page_of([*items], Paged(limit=limit, after=following), str)
        assert len(found.data) <= limit
        seen += found.data
        following = found.next
        if following is None:
            break
    assert seen == sorted(items)


def test_a_page_of_what_was_fetched() -> None:
    assert page(["a", "b", "c"], 2, str) == Page(("a", "b"), "b")
    assert page(["a", "b"], 2, str) == Page(("a", "b"), None)


def test_times_and_money() -> None:
    assert time_of(1_800_000_000.5).isoformat() == "2027-01-15T08:00:00.500000+00:00"
    assert maybe_time(None) is None
    assert [money(amount) for amount in (0, 1, -1_500_000_000, 9_000_000 * 10**9)] == [
        "0", "0.000000001", "-1.5", "9000000",
    ]  # fmt: skip


def test_owners() -> None:
    assert owner_of("user:a:b") == ("user", "a:b")
    assert owner_of("service_account:nightly") == ("service_account", "nightly")
    for wrong in ("anna", "team:design", "user:", ""):
        with pytest.raises(InvalidRequest, match="expected `user:NAME`") as refused:
            owner_of(wrong, param="member")
        assert refused.value.param == "member"
