import asyncio
import signal
import subprocess
import sys

import pytest

from torana.assembly.reload.hangup import hold_back, listen, listen_no_more, take_held


@pytest.fixture(autouse=True)
def heard_as_before():
    handler = signal.getsignal(signal.SIGHUP)
    yield
    take_held()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    signal.signal(signal.SIGHUP, handler)


def hang_up() -> None:
    # To this thread: other tests' threads, which were there before, do not hold it back.
    signal.raise_signal(signal.SIGHUP)


def test_it_waits_until_it_is_taken():
    hold_back()
    assert not take_held()
    hang_up()
    assert take_held()
    assert not take_held()


async def test_what_waited_is_heard():
    heard = asyncio.Event()
    hold_back()
    hang_up()
    listen(heard.set)
    await heard.wait()
    heard.clear()
    hang_up()
    await heard.wait()
    listen_no_more()


async def test_nobody_is_ended_by_it_after_that():
    listen(lambda: None)
    listen_no_more()
    hang_up()


def test_a_process_that_is_started_meanwhile_holds_it_back_too():
    script = "import os, signal; os.kill(os.getpid(), signal.SIGHUP); print(signal.sigpending())"
    hold_back()
    told = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert "SIGHUP" in told.stdout
