import pytest

from torana.core.clock import FakeClock
from torana.storage.sql.offices import Offices


def test_generations_are_counted(database, clock):
    offices = Offices(database, clock)
    assert offices.generation() == 0
    assert [offices.begin_generation(), offices.begin_generation()] == [1, 2]
    assert offices.generation() == 2


def test_a_generation_waits_for_the_living_that_have_not_handed_in(database, clock):
    offices = Offices(database, clock)

    def wait(seconds: float) -> None:
        if database.dialect == "sqlite":
            clock.advance(seconds)
            return
        # It goes by its server's clock.
        with database.begin() as connection:
            connection.exec_driver_sql(f"UPDATE offices SET seen = seen - {seconds}")

    offices.seen("dead", 0)
    wait(20)
    offices.seen("late", 0)
    offices.seen("done", 1)
    wait(10)
    assert offices.waiting_for(1, alive_within=15) == ["late"]
    assert offices.waiting_for(1, alive_within=31) == ["dead", "late"]
    assert offices.waiting_for(2, alive_within=15) == ["done", "late"]
    offices.seen("late", 1)
    assert offices.waiting_for(1, alive_within=15) == []


def test_offices_that_were_not_seen_for_long_are_forgotten_and_may_come_back(database, clock):
    offices = Offices(database, clock)
    for id_, seconds in (("gone", 100), ("late", 20), ("here", 0)):
        offices.seen(id_, 0)
        with database.begin() as connection:
            connection.exec_driver_sql(f"UPDATE offices SET seen = seen - {seconds} WHERE id = '{id_}'")
    assert [offices.forget(50), offices.forget(50)] == [1, 0]
    assert offices.waiting_for(1, alive_within=1000) == ["here", "late"]
    offices.seen("gone", 0)
    assert offices.waiting_for(1, alive_within=1000) == ["gone", "here", "late"]


def test_one_office_at_a_time_is_exclusive(database, opened, url, clock):
    ours, theirs = Offices(database, clock), Offices(opened(url), clock)
    shared = database.dialect == "sqlite"
    with ours.exclusively() as mine:
        with theirs.exclusively() as also:
            assert (mine, also) == (True, shared)
        # Having asked does not end another's turn.
        with theirs.exclusively() as also:
            assert also is shared
    with theirs.exclusively() as free:
        assert free


def test_a_turn_ends_when_its_office_fails(database, opened, url, clock):
    ours, theirs = Offices(database, clock), Offices(opened(url), clock)
    with pytest.raises(RuntimeError, match="in the middle"), ours.exclusively():
        raise RuntimeError("in the middle")
    with theirs.exclusively() as free:
        assert free


def test_a_turn_ends_with_the_connection(url, clock, opened):
    if url.startswith("sqlite"):
        pytest.skip("It has one office.")
    ours, theirs = opened(url), Offices(opened(url), clock)
    turn = Offices(ours, clock).exclusively()
    assert turn.__enter__()
    with opened(url).begin() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(l.pid, 5000) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
            "WHERE l.locktype = 'advisory' AND d.datname = current_database()"
        )
    with theirs.exclusively() as free:
        assert free
    # Whose connection is gone has nothing left to give back.
    turn.__exit__(None, None, None)


def test_offices_whose_clocks_differ_agree_on_who_lives(database, clock):
    if database.dialect == "sqlite":
        pytest.skip("It has one office.")
    Offices(database, FakeClock(0.0)).seen("behind", 0)
    Offices(database, FakeClock(9_000_000_000.0)).seen("ahead", 0)
    assert Offices(database, clock).waiting_for(1, alive_within=15) == ["ahead", "behind"]
