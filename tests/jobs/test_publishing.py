import pytest

from torana.core.registry import Registry, Team
from torana.jobs.publishing import Publishing
from torana.storage.notices import Notice
from torana.storage.sql.change import Actor
from torana.storage.sql.registers import Registers


@pytest.fixture
def registers(sqlite, clock):
    return Registers(sqlite, clock)


def add_team(registers, name):
    with registers.change(Actor("anna", "here")) as change:
        change.put_team(Team(name))


async def test_gateways_are_told_of_each_revision_once(registers, tmp_path):
    told: list[Registry] = []
    publishing = Publishing(registers, Notice(tmp_path / "registry.json", Registry), told.append)
    gateway = Notice(tmp_path / "registry.json", Registry)
    await publishing.publish()
    assert gateway.news() == told[0]
    await publishing.publish()
    assert gateway.news() is None
    add_team(registers, "design")
    await publishing.publish()
    news = gateway.news()
    assert news is not None
    assert [team.name for team in news.teams] == ["design"]
    assert news == told[1]
    assert len(told) == 2


async def test_what_could_not_be_posted_is_posted_the_next_time(registers, tmp_path):
    told: list[Registry] = []
    publishing = Publishing(registers, Notice(tmp_path / "later" / "registry.json", Registry), told.append)
    with pytest.raises(FileNotFoundError):
        await publishing.publish()
    assert told == []
    (tmp_path / "later").mkdir()
    await publishing.publish()
    assert len(told) == 1
