import pytest

from tests.jobs.kit import begun, ended
from torana.core.ledger import Row
from torana.jobs import tidying
from torana.jobs.tidying import LEAST, Tidying
from torana.storage.sql.ledger.table import Filter

DAY = 86_400.0


@pytest.fixture
def kept(place, monkeypatch):
    """What is left of one row a day, for ten days, by how long rows are kept."""
    monkeypatch.setattr(tidying, "_BREATH", 0.0)
    monkeypatch.setattr(tidying, "_CHUNK", 3)
    now = place.clock.now()
    place.table.ship([Row(begun(str(day), at=now - day * DAY - 1), ended(str(day))) for day in range(10)])

    async def tidy(keep: float) -> list[str]:
        await Tidying(place.table, keep, place.clock, place.logger).tidy()
        return sorted(row.opened.id for row in place.table.rows(Filter()))

    return tidy


async def test_what_is_too_old_goes_a_little_at_a_time(kept, place):
    assert await kept(4 * DAY) == ["0", "1", "2", "3"]
    assert place.log.text.count("ledger_pruned") == 1
    assert await kept(4 * DAY) == ["0", "1", "2", "3"]
    assert place.log.text.count("ledger_pruned") == 1


async def test_nothing_goes_where_rows_are_kept_for_ever(kept):
    assert len(await kept(0)) == 10


async def test_no_row_goes_before_its_journal_has(kept):
    assert LEAST == DAY
    assert await kept(1.0) == ["0"]
