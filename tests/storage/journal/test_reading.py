import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.storage.journal.test_writing import files, journal, opened
from torana.core.clock import FakeClock, SystemClock
from torana.core.ledger import LOST, Charge, Closed
from torana.storage.journal import writing
from torana.storage.journal.reading import Reader
from torana.storage.journal.writing import LOCK, Journal


class At(SystemClock):
    moment = 1000.0

    def now(self) -> float:
        return self.moment


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path, At())


def ids(reader: Reader) -> list[str]:
    return [row.opened.id for row in reader.take(1000)]


def test_beginnings_and_ends_come_together(tmp_path, reader):
    written = journal(tmp_path)
    written.write(opened("a", charges=(Charge("b", "", "2026-11"),), reserved=5))
    assert ids(reader) == []
    assert [call.id for call in reader.open_calls] == ["a"]
    written.write(Closed("a", at=2.0, status=200, cost=4, charged=4))
    [row] = reader.take(10)
    assert (row.opened.reserved, row.closed.cost, row.opened.charges[0].key) == (5, 4, "b  2026-11")
    assert reader.open_calls == []
    written.close()


def test_the_same_is_given_until_it_is_put_away(tmp_path, reader):
    written = journal(tmp_path)
    written.write(opened("a"), Closed("a", at=2.0, status=200))
    assert ids(reader) == ids(reader) == ["a"]
    assert not reader.exhausted
    reader.put_away()
    assert ids(reader) == []
    assert reader.exhausted
    written.close()


def test_calls_of_a_process_that_died_are_lost_and_charged_with_all_that_they_may_have_cost(tmp_path, reader):
    written = journal(tmp_path)
    written.write(opened("a", reserved=7))
    assert ids(reader) == []
    written.close()
    [row] = reader.take(10)
    assert (row.closed.error, row.closed.charged, row.closed.cost) == (LOST, 7, None)
    reader.put_away()
    assert list(tmp_path.iterdir()) == []


def test_of_a_call_that_is_begun_again_the_last_word_counts(tmp_path, reader):
    written = journal(tmp_path)
    written.write(opened("a", reserved=7))
    assert ids(reader) == []
    written.write(opened("a", reserved=9))
    assert ids(reader) == []
    assert [call.reserved for call in reader.open_calls] == [9]
    written.write(Closed("a", at=2.0, status=200, charged=9))
    [row] = reader.take(10)
    assert row.opened.reserved == 9
    written.close()


def test_a_process_that_is_killed_leaves_all_that_it_wrote(tmp_path, reader):
    source = (
        "import os, sys; from pathlib import Path; from tests.storage.journal.test_writing import journal, opened\n"
        "from torana.core.ledger import Closed\n"
        f"j = journal(Path({str(tmp_path)!r}))\n"
        "j.write(opened('open')); j.write(opened('done'), Closed('done', at=2.0, status=200))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", source], check=False, timeout=30)
    assert {row.opened.id: row.closed.error for row in reader.take(10)} == {"open": LOST, "done": None}


def test_a_call_that_never_ends_is_given_up(tmp_path):
    clock = FakeClock()
    reader = Reader(tmp_path, clock)
    written = journal(tmp_path)
    written.write(opened("a"))
    assert ids(reader) == []
    clock.advance(9e9 + 61)
    assert ids(reader) == ["a"]
    written.close()


def test_files_go_when_all_that_began_in_them_is_put_away(tmp_path, reader, monkeypatch):
    monkeypatch.setattr(writing, "SEGMENT", 1)
    written = journal(tmp_path)
    written.write(opened("long"))
    for name in "abc":
        written.write(opened(name), Closed(name, at=2.0, status=200))
    assert ids(reader) == ["a", "b", "c"]
    reader.put_away()
    # The first is needed for the call that goes on, and those behind it go after it.
    assert len(files(tmp_path)) == 4
    written.write(Closed("long", at=3.0, status=200))
    assert ids(reader) == ["long"]
    reader.put_away()
    assert len(files(tmp_path)) == 1
    written.close()
    ids(reader)
    reader.put_away()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("spoilt", [b"{rubbish}\n", b"\n", b"\xff\n", b"[]\n", b'{"type":"closed"}\n'])
def test_a_line_that_cannot_be_read_is_counted_and_costs_no_other(tmp_path, reader, spoilt):
    written = journal(tmp_path)
    written.write(opened("a"))
    with files(tmp_path)[0].open("ab") as file:
        file.write(spoilt)
    written.write(Closed("a", at=2.0, status=200))
    assert ids(reader) == ["a"]
    assert reader.spoilt == 1
    written.close()


def test_a_line_without_an_end_waits_for_it(tmp_path, reader):
    written = journal(tmp_path)
    written.write(opened("a"))
    line = msgspec.json.encode(Closed("a", at=2.0, status=200))
    with files(tmp_path)[0].open("ab") as file:
        file.write(line[:9])
        file.flush()
        assert ids(reader) == []
        file.write(line[9:] + b"\n")
    assert ids(reader) == ["a"]
    written.close()


def test_the_locks_and_files_of_living_processes_stay(tmp_path, reader):
    first, second = journal(tmp_path), journal(tmp_path)
    first.write(opened("a"), Closed("a", at=2.0, status=200))
    ids(reader)
    reader.put_away()
    ids(reader)
    reader.put_away()
    assert len(list(tmp_path.glob(f"*{LOCK}"))) == 2
    first.close()
    second.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(["open", "close", "take", "put_away", "restart", "die"]), max_size=40))
def test_every_call_is_given_and_none_is_missing_whatever_happens_between(tmp_path_factory, steps):
    directory = tmp_path_factory.mktemp("journal")
    writer: Journal = journal(directory)
    reader = Reader(directory, At())
    begun, open_, safe = 0, [], []
    given_last: list[str] = []
    for step in [*steps, "die", "take", "put_away", "take", "put_away", "take"]:
        if step == "open":
            begun += 1
            open_.append(str(begun))
            writer.write(opened(str(begun)))
        elif step == "close" and open_:
            writer.write(Closed(open_.pop(0), at=2.0, status=200))
        elif step == "take":
            given_last = [row.opened.id for row in reader.take(3)]
        elif step == "put_away":
            safe += given_last
            given_last = []
            reader.put_away()
        elif step == "restart":
            reader, given_last = Reader(directory, At()), []
        elif step == "die":
            writer.close()
            open_.clear()
            writer = journal(directory)
    writer.close()
    for _ in range(begun + 3):
        safe += [row.opened.id for row in reader.take(3)]
        reader.put_away()
    assert set(safe) == {str(number + 1) for number in range(begun)}
    assert not list(directory.iterdir())


def test_an_end_never_goes_before_its_beginning(tmp_path, reader, monkeypatch):
    monkeypatch.setattr(writing, "SEGMENT", 10)
    written = journal(tmp_path)
    for entry in (opened("open"), opened("a"), Closed("a", at=2.0, status=200), opened("last")):
        written.write(entry)
    assert ids(reader) == ["a"]
    reader.put_away()
    # The first file is still needed, and so all those behind it stay: one that begins anew reads no lost call.
    again = Reader(tmp_path, At())
    assert [(row.opened.id, row.closed.status) for row in again.take(10)] == [("a", 200)]
    written.close()


def test_a_beginning_that_stands_there_twice_holds_nothing_up(tmp_path, reader, monkeypatch):
    monkeypatch.setattr(writing, "SEGMENT", 10)
    written = journal(tmp_path)
    for entry in (opened("a"), opened("a"), Closed("a", at=2.0, status=200)):
        written.write(entry)
    assert ids(reader) == ["a"]
    reader.put_away()
    written.close()
    assert ids(reader) == []
    reader.put_away()
    assert list(tmp_path.iterdir()) == []


def test_a_line_of_any_length_is_read(tmp_path, reader):
    written = journal(tmp_path)
    written.write(opened("a" * 3_000_000), opened("b"))
    reader.take(10)
    assert [len(call.id) for call in reader.open_calls] == [3_000_000, 1]
    written.close()


def test_a_clock_that_is_set_forward_ends_no_call(tmp_path):
    clock = At()
    reader = Reader(tmp_path, clock)
    written = journal(tmp_path)
    written.write(opened("a"))
    assert reader.take(10) == []
    clock.moment += 1e6
    assert reader.take(10) == []
    written.close()
