"""The process that does picture work: ``python -m torana.media.worker --memory BYTES [--warm module:function]``.

It reads orders from stdin and writes replies to stdout, one at a time, until stdin ends. SIGUSR1 cancels the job at
hand. Damage is contained here: a picture that crashes a decoder or eats memory ends this process and no other.
"""

import argparse
import ctypes
import importlib
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from typing import BinaryIO, NoReturn, cast

from torana.core.clock import SystemClock
from torana.core.errors import InvalidImage
from torana.media.frames import PREFIX, Done, Failed, Order, Ready, Refused, Reply, Stopped, decode_order, opened
from torana.media.job import Made

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_MAX_REPORT_FRAMES = 20
_MAX_REPORT_LENGTH = 8_000


class Cancelled(BaseException):
    """Raised inside a job that is no longer wanted; no Exception, so that a job's own handlers let it pass."""


class Interruption:
    """SIGUSR1: heard while the context is open, once, and else ignored."""

    def __init__(self) -> None:
        self._open = False
        signal.signal(signal.SIGUSR1, self._hear)

    def __enter__(self) -> None:
        self._open = True

    def __exit__(self, *_: object) -> None:
        self._open = False

    def _hear(self, *_: object) -> None:
        if self._open:
            self._open = False
            raise Cancelled


def main() -> None:
    """Guard the process, warm up, and work until stdin ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--memory", type=int, required=True)
    parser.add_argument("--warm")
    arguments = parser.parse_args()
    _guard(arguments.memory)
    orders, replies = _take_pipes()
    interruption = Interruption()
    if arguments.warm:
        _function(arguments.warm)()
    _send(replies, Ready())
    while _serve(orders, replies, interruption):
        pass


def _guard(memory: int) -> None:
    """Bound what this process may take, and tie its life to the gateway's."""
    # DATA counts memory that is really asked for; AS would count the address space that compilers and allocators
    # reserve and never touch, and RSS is not enforced.
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    bound = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (bound, bound))
    # A core file would hold the pictures.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Sent to the whole group by a terminal or a service manager: the gateway decides when its workers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Stdin and stdout for ourselves; what a job prints goes to stderr, and there is nothing for it to read."""
    orders, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return orders, replies


def _serve(orders: BinaryIO, replies: BinaryIO, interruption: Interruption) -> bool:
    """Read one order and answer it; False when there are no more. Nothing of the pictures outlives the call."""
    prefix = orders.read(PREFIX.size)
    if len(prefix) < PREFIX.size:
        return False
    order = decode_order(orders.read(*PREFIX.unpack(prefix)))
    sources = [orders.read(size) for size in order.sizes]
    if [len(source) for source in sources] != list(order.sizes):
        return False
    reply, blobs = _answer(order, sources, interruption)
    _send(replies, reply, *blobs)
    return True


def _answer(order: Order, sources: list[bytes], interruption: Interruption) -> tuple[Reply, tuple[bytes, ...]]:
    """Do the job, whatever comes of it. MemoryError is let through and ends the process: its heap is spoilt."""
    clock = SystemClock()
    started = clock.ticks()
    try:
        # Outside the interruption: an import that is broken off may not be possible a second time.
        function = _function(order.function)
        with interruption:
            made = function(order.params, sources)
        return _done(made, clock.ticks() - started)
    except Cancelled:
        return Stopped(), ()
    except InvalidImage as refusal:
        return Refused(refusal.message, refusal.param, refusal.code), ()
    except MemoryError as error:
        _give_up(error)
    except Exception as error:  # noqa: BLE001  a job may fail in any way, and the worker goes on
        _report(error)
        return Failed(), ()


def _done(made: object, seconds: float) -> tuple[Reply, tuple[bytes, ...]]:
    if not isinstance(made, Made):
        raise TypeError(f"a job must return Made, not {type(made).__name__}")
    return Done(made.meta, seconds, tuple(len(blob) for blob in made.blobs)), made.blobs


def _function(path: str) -> Callable[..., object]:
    """The function that "package.module:function" names."""
    module, _, name = path.partition(":")
    return cast("Callable[..., object]", getattr(importlib.import_module(module), name))


def _send(replies: BinaryIO, reply: Reply, *blobs: bytes) -> None:
    replies.write(opened(reply))
    replies.writelines(blobs)
    replies.flush()


def _report(error: BaseException) -> None:
    """Say what failed and where, without the error's message: it may quote the picture."""
    places = "".join(traceback.format_tb(error.__traceback__, limit=-_MAX_REPORT_FRAMES))
    sys.stderr.write(f"torana worker: {type(error).__name__}\n{places[-_MAX_REPORT_LENGTH:]}")


def _give_up(error: MemoryError) -> NoReturn:
    _report(error)
    sys.exit("torana worker: out of memory")


if __name__ == "__main__":
    main()
