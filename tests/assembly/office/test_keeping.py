import os
import select
import subprocess
import sys
import threading
from typing import Any

import pytest

from torana.assembly.complaints import UNSOUND
from torana.assembly.office import keeping
from torana.assembly.office.keeping import Keeper
from torana.config.model import Telemetry

WORKS = "import sys; sys.stdin.read()"
STUCK = "import sys, time; sys.stdin.read(); time.sleep(60)"


@pytest.fixture
def kept(monkeypatch):
    """Keeps a program in the office's place; what was started, and whether it was said to refuse."""
    monkeypatch.setattr(keeping, "_FIRST_PAUSE", 0.01)
    started: list[subprocess.Popen[bytes]] = []
    another = threading.Condition()
    keepers: list[Keeper] = []
    real = subprocess.Popen

    def popen(*given, **more):
        process = real(*given, **more)
        with another:
            started.append(process)
            another.notify_all()
        return process

    def keep(source, refused=lambda: None, config=None):
        keeper = Keeper(config, Telemetry(), refused=refused)
        monkeypatch.setattr(keeper, "_command", lambda: [sys.executable, "-c", source])
        keepers.append(keeper)
        keeper.start()
        return keeper

    def wait_for(count: int) -> None:
        with another:
            assert another.wait_for(lambda: len(started) >= count, 10)

    monkeypatch.setattr(subprocess, "Popen", popen)
    begin: Any = keep
    begin.started, begin.wait_for = started, wait_for
    yield begin
    for keeper in keepers:
        keeper.stop()
    assert all(process.returncode is not None for process in started), "none is left, not even as a zombie"


def test_it_is_begun_again_when_it_ends(kept):
    kept(WORKS)
    for count in (1, 2, 3):
        kept.wait_for(count)
        kept.started[-1].kill()
    kept.wait_for(4)


def test_it_may_end_its_work(kept):
    keeper = kept(WORKS)
    kept.wait_for(1)
    keeper.stop()
    assert [process.returncode for process in kept.started] == [0]
    assert not keeper._thread.is_alive()
    keeper.stop()


def test_one_that_does_not_end_is_killed(kept, monkeypatch):
    monkeypatch.setattr(keeping, "_LAST_WORK", 0.1)
    keeper = kept(STUCK)
    kept.wait_for(1)
    keeper.stop()
    assert [process.returncode for process in kept.started] == [-9]


def test_one_that_can_never_work_is_told_of_and_left(kept):
    told = threading.Event()
    keeper = kept(f"raise SystemExit({UNSOUND})", told.set)
    assert told.wait(10)
    keeper._thread.join(5)
    assert keeper.is_refused
    assert len(kept.started) == 1


def test_a_file_that_is_spoilt_meanwhile_ends_nothing(kept, tmp_path):
    config = tmp_path / "torana.yaml"
    config.write_text("what is this?")
    told = threading.Event()
    keeper = kept(f"raise SystemExit({UNSOUND})", told.set, config)
    kept.wait_for(3)
    assert not told.is_set()
    assert not keeper.is_refused


def test_a_newer_version_that_took_the_database_over_does_not_end_a_gateway_that_serves(kept, tmp_path, capfd):
    flag = tmp_path / "worked"
    source = (
        "import pathlib, sys\n"
        f"flag = pathlib.Path({str(flag)!r})\n"
        f"sys.exit({UNSOUND}) if flag.exists() else flag.touch()\n"
        "sys.exit(1)\n"
    )
    told = threading.Event()
    kept(source, told.set)
    kept.wait_for(4)
    assert not told.is_set()
    assert '"event":"office_ended","status":1' in capfd.readouterr().err


def test_a_machine_without_room_is_asked_again(kept, monkeypatch):
    real, times = subprocess.Popen, []

    def popen(*given, **more):
        times.append(1)
        if len(times) < 3:
            raise OSError(11, "no more processes")
        return real(*given, **more)

    monkeypatch.setattr(subprocess, "Popen", popen)
    kept(WORKS)
    kept.wait_for(1)
    assert len(times) == 3


def test_it_ends_with_a_gateway_that_is_killed(tmp_path):
    source = (
        "import sys, time\n"
        "from torana.assembly.office.keeping import Keeper\n"
        "from torana.config.model import Telemetry\n"
        "keeper = Keeper(None, Telemetry(), refused=lambda: None)\n"
        f"keeper._command = lambda: [sys.executable, '-c', {WORKS!r}]\n"
        "keeper.start()\n"
        "while keeper._process is None: time.sleep(0.01)\n"
        "print(keeper._process.pid, flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE) as gateway:
        assert gateway.stdout is not None
        office = os.pidfd_open(int(gateway.stdout.readline()))
        gateway.kill()
    assert select.select([office], [], [], 10)[0]
    os.close(office)
