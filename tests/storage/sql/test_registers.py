from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from sqlalchemy import func, select

from torana.core.registry import Registry, Team
from torana.storage.sql.change import Actor
from torana.storage.sql.tables import audit

ROOT = Actor("local:root", "command line")


def test_nothing_is_there_at_first(registers):
    assert registers.registry() == Registry()
    assert registers.audit() == []


def test_a_change_that_fails_leaves_nothing(registers):
    def fail() -> None:
        with registers.change(ROOT) as change:
            change.put_team(Team("web"))
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail()
    assert registers.registry() == Registry()
    assert registers.audit() == []


def test_changes_at_once_are_made_one_after_another(registers):
    with registers.change(ROOT) as change:
        change.put_team(Team("web", "0"))
        change.put_team(Team("design", "0"))

    def count_on(order: tuple[str, str]) -> None:
        for _ in range(5):
            with registers.change(ROOT) as change:
                for name in order:
                    before = change.team(name)
                    assert before is not None
                    change.put_team(Team(name, str(int(before.description) + 1)))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(count_on, [("web", "design"), ("design", "web")] * 2))
    assert [team.description for team in registers.teams()] == ["20", "20"]
    assert registers.revision() == 21
    entries = registers.audit(limit=50, kind="team", name="web")
    assert all(newer.before == older.after for newer, older in pairwise(entries))


def test_readers_see_one_moment(registers, database):
    with registers.change(ROOT) as change:
        change.put_team(Team("web"))
    with database.reading() as connection:
        first = connection.scalar(select(func.count()).select_from(audit))
        with registers.change(ROOT) as change:
            change.put_team(Team("design"))
        assert connection.scalar(select(func.count()).select_from(audit)) == first
    assert registers.revision() == 2
