import asyncio
from contextlib import suppress
from decimal import Decimal

import pytest

from torana.core.clock import FakeClock
from torana.core.errors import BudgetExceeded, NotFound, Unwritable
from torana.core.exchange import Principal, Usage
from torana.core.ledger import Charge, Closed, Opened
from torana.policy.ledger import Ledger
from torana.storage.journal.reading import Reader
from torana.storage.journal.writing import Journal, JournalFailed

CHARGE = Charge("team", "", "2027-01")


class Written:
    """A journal that may be full."""

    def __init__(self) -> None:
        self.entries: list[Opened | Closed] = []
        self.full = False

    def write(self, *entries: Opened | Closed) -> None:
        if self.full:
            raise JournalFailed("the journal is full")
        self.entries += entries


@pytest.fixture
def journal():
    return Written()


@pytest.fixture
def lost():
    return []


@pytest.fixture
def ledger(journal, lost):
    return Ledger(journal, FakeClock(), lost=lost.append)


def row(ledger):
    return ledger.row(
        Principal("anna", "torana", teams=("design",)), "images", request_id="r", metadata={"a": "b"}, within=60
    )


def test_a_call_is_written_down_before_and_after(ledger, journal):
    with row(ledger) as call:
        call.model = "dall-e"
        call.open((CHARGE,), 7)
        call.open((CHARGE,), 7)
        [opened] = journal.entries
        call.usage = Usage(images=2, cost=Decimal("0.000000005"))
        call.allowance.charged, call.allowance.settled = 5, True
        call.target = "openai/dall-e"
    assert (opened.model, opened.charges, opened.reserved, opened.expires - opened.at) == ("dall-e", (CHARGE,), 7, 60)
    assert (opened.subject, opened.teams, opened.metadata) == ("anna", ("design",), {"a": "b"}) or opened.teams
    [_, closed] = journal.entries
    assert (closed.id, closed.status, closed.images, closed.cost, closed.charged) == (opened.id, 200, 2, 5, 5)
    assert closed.settled


def refused():
    error = BudgetExceeded("Too little left.")
    error.rule = "team"
    return error


def test_a_call_that_is_begun_again_has_one_row_and_says_what_it_reserves_now(ledger, journal):
    with row(ledger) as call:
        assert [call.open((CHARGE,), reserved) for reserved in (7, 7, 9)] == [True, False, False]
    first, second, closed = journal.entries
    assert (first.reserved, second.reserved) == (7, 9)
    assert first.id == second.id == closed.id


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (NotFound("No such thing."), (404, "not_found", None)),
        (refused(), (429, "insufficient_quota", "team")),
        (asyncio.CancelledError(), (499, "cut_off", None)),
        (ZeroDivisionError(), (500, "internal_error", None)),
    ],
)
def test_however_it_ends_it_has_one_row(ledger, journal, error, told):
    with pytest.raises(type(error)), row(ledger):
        raise error
    opened, closed = journal.entries
    assert opened.id == closed.id
    assert (closed.status, closed.error, closed.rule) == told


def test_a_cost_that_is_unknown_is_not_nothing(ledger, journal):
    with row(ledger) as call:
        call.allowance.spent = True
    with row(ledger):
        pass
    assert [entry.cost for entry in journal.entries if isinstance(entry, Closed)] == [None, 0]


@pytest.mark.parametrize("charged", [0, 5, 7])
def test_what_a_call_cost_is_written_whatever_its_budgets_were_charged(ledger, journal, charged):
    with row(ledger) as call:
        cost = Decimal("0.0000000041")
        call.usage = Usage(cost=cost)
        # Another target may be paid as well: then the budgets bear more than the answer cost.
        call.allowance.cost = cost if charged == 5 else Decimal("0.0000000061")
        call.allowance.charged = charged
    closed = journal.entries[-1]
    assert (closed.cost, closed.charged) == (5, charged)


def test_what_must_be_written_and_cannot_is_refused(journal, lost):
    journal.full = True
    with pytest.raises(Unwritable), row(Ledger(journal, FakeClock(), required=True, lost=lost.append)) as call:
        call.open()
    assert lost == ["the journal is full"] * 2


def test_a_beginning_for_which_there_was_no_room_comes_with_the_end(ledger, journal, lost):
    with row(ledger) as call:
        journal.full = True
        call.open((CHARGE,), 7)
        journal.full = False
    opened, closed = journal.entries
    assert (opened.id, opened.charges, opened.reserved) == (closed.id, (CHARGE,), 7)
    assert lost == ["the journal is full"]


def test_a_row_is_read_as_it_was_written(tmp_path):
    clock = FakeClock()
    journal = Journal(tmp_path, clock, most=10**6, sync=1)
    with suppress(ZeroDivisionError), row(Ledger(journal, clock)) as call:
        call.open((CHARGE,), 7)
        raise ZeroDivisionError
    [read] = Reader(tmp_path, clock).take(10)
    assert (read.opened.id, read.closed.status) == (call.id, 500)
    journal.close()


def test_without_a_journal_nothing_is_written_and_nothing_lost(lost):
    with row(Ledger(None, FakeClock(), required=True, lost=lost.append)) as call:
        call.open((CHARGE,), 7)
    assert lost == []
