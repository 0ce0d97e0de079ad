import pytest

from tests.jobs.kit import MONTH, Place, begun, ended, reserve
from torana.core.ledger import Spent
from torana.jobs import telling
from torana.storage.counters.port import CountersUnavailable


@pytest.fixture
async def open_place(place):
    await place.opening.tend()
    return place


def fail(place, monkeypatch):
    """The store is gone, for the office."""

    async def gone(*_: object, **__: object) -> None:
        raise CountersUnavailable("gone")

    for name in ("charge", "raise_to", "restore"):
        monkeypatch.setattr(place.counters, name, gone)


async def test_a_call_whose_gateway_could_not_settle_it_is_charged_once(open_place: Place):
    assert await open_place.call("a", 40)
    open_place.journal.write(ended("a", charged=5))
    await open_place.shipping.ship()
    assert await open_place.balance() == (5, 0)
    open_place.begin()
    await open_place.shipping.ship()
    assert await open_place.balance() == (5, 0)


async def test_a_call_that_reserved_nothing_counts_as_soon_as_the_ledger_knows(open_place: Place):
    open_place.journal.write(begun("a"), ended("a", charged=5))
    await open_place.shipping.ship()
    assert await open_place.balance() == (5, 0)


async def test_what_is_owed_outlives_the_office(open_place: Place, monkeypatch):
    assert await open_place.call("a", 40)
    open_place.journal.write(ended("a", charged=5))
    with monkeypatch.context() as gone:
        fail(open_place, gone)
        with pytest.raises(CountersUnavailable):
            await open_place.shipping.ship()
        assert open_place.shipping.shipped == 1
    assert await open_place.balance() == (0, 40)
    open_place.begin()
    await open_place.shipping.ship()
    assert await open_place.balance() == (5, 0)
    open_place.begin()
    await open_place.shipping.ship()
    assert await open_place.balance() == (5, 0)


async def test_totals_that_could_not_be_told_are_told_later(open_place: Place, monkeypatch):
    open_place.journal.write(begun("a"), ended("a", charged=5))
    with monkeypatch.context() as gone:
        fail(open_place, gone)
        with pytest.raises(CountersUnavailable):
            await open_place.shipping.ship()
    await open_place.shipping.ship()
    assert await open_place.balance() == (5, 0)


async def test_money_that_was_put_back_too_late_is_given_up(open_place: Place):
    await open_place.call("a", 40)
    assert await open_place.end("a", 5)
    # The office had read that it goes on before it ended.
    open_place.telling.restored([begun("a", reserved=40)])
    await open_place.opening.purses.restore((), [("a", reserve(40))])
    assert await open_place.balance() == (5, 40)
    await open_place.shipping.ship()
    assert await open_place.balance() == (5, 0)


async def test_of_too_many_the_newest_are_left_out_and_that_is_told(open_place: Place, monkeypatch):
    monkeypatch.setattr(telling, "MOST_OWED", 2)
    for id_ in "abc":
        assert await open_place.call(id_, 40)
        open_place.journal.write(ended(id_, charged=5))
    with monkeypatch.context() as gone:
        fail(open_place, gone)
        with pytest.raises(CountersUnavailable):
            await open_place.shipping.ship()
    await open_place.shipping.ship()
    assert await open_place.balance() == (15, 40)
    assert '"reservations_left","calls":1' in open_place.log.text


async def test_a_full_disk_keeps_nothing_from_the_database(open_place: Place, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    open_place.journal.write(begun("a"), ended("a", charged=5))
    monkeypatch.setattr(open_place.telling.debts, "post", full)
    fail(open_place, monkeypatch)
    with pytest.raises(CountersUnavailable):
        await open_place.shipping.ship()
    assert open_place.table.totals() == [Spent(MONTH, 5)]
    assert "debts_not_kept" in open_place.log.text


async def test_what_somebody_has_spoilt_is_told(open_place: Place):
    (open_place.directory / "debts.json").write_text("{")
    open_place.begin()
    await open_place.shipping.ship()
    assert "debts_unreadable" in open_place.log.text
