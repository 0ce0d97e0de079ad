"""SIGHUP, which asks to take up the configuration anew, and which ends a process that does not hear it."""

import asyncio
import signal
from collections.abc import Callable

_HANGUP = {signal.SIGHUP}


def hold_back() -> None:
    """From here on SIGHUP waits, here and in processes started from here, until it is listened to.

    To be called before there are other threads: they would not hold it back.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _HANGUP)


def take_held() -> bool:
    """Whether one waited; it waits no more."""
    waiting = signal.SIGHUP in signal.sigpending()
    if waiting:
        signal.sigwait(_HANGUP)
    return waiting


def listen(act: Callable[[], None]) -> None:
    """Has the running event loop do this at each SIGHUP; needs the main thread."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, act)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANGUP)


def listen_no_more() -> None:
    """It is as good as never sent from here on: a process that is about to end anyway ends in its own way."""
    asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
