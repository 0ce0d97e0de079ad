import time
from contextlib import contextmanager
from queue import Empty, Queue
from threading import Event, Thread

import pytest

from tests.storage.sql.servers import postgresql
from torana.core.clock import FakeClock
from torana.core.registry import Team
from torana.storage.sql.change import Actor
from torana.storage.sql.database import Database
from torana.storage.sql.listening import changes
from torana.storage.sql.registers import Registers
from torana.storage.sql.schema import prepare

PATIENCE = 20


@contextmanager
def listening(url):
    """What is told, as a queue that each call puts something into."""
    told: Queue[None] = Queue()
    stop = Event()
    thread = Thread(target=changes, args=(url, stop, lambda: told.put(None)))
    thread.start()
    try:
        yield told
    finally:
        stop.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def add_team(registers, name):
    with registers.change(Actor("local:root", "command line")) as change:
        change.put_team(Team(name))


def test_a_file_tells_of_nothing(tmp_path):
    changes(f"sqlite:///{tmp_path / 'torana.db'}", Event(), pytest.fail)


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_changes_are_told_when_they_are_made(registers, url):
    with listening(url) as told:
        told.get(timeout=PATIENCE)  # it has connected
        add_team(registers, "web")
        told.get(timeout=PATIENCE)
        with registers.change(Actor("local:root", "command line")) as change:
            change.put_team(Team("design"))
            with pytest.raises(Empty):
                told.get(timeout=0.05)
        told.get(timeout=PATIENCE)
        add_team(registers, "design")  # is there already
        with pytest.raises(Empty):
            told.get(timeout=0.05)


def test_a_stop_is_seen_while_nothing_is_there_to_connect_to():
    begun = time.perf_counter()
    with listening("postgresql://anna:sesame@127.0.0.1:1/db") as told, pytest.raises(Empty):
        told.get(timeout=0.05)
    assert time.perf_counter() - begun < PATIENCE / 4


def test_a_server_that_was_gone_is_listened_to_again():
    with postgresql() as server:
        database = Database(server.url())
        prepare(database)
        with listening(server.url()) as told:
            told.get(timeout=PATIENCE)
            server.restart("immediate")
            told.get(timeout=PATIENCE)  # of what was missed, perhaps
            add_team(Registers(database, FakeClock()), "web")
            told.get(timeout=PATIENCE)
        database.close()
