"""Jobs for the tests' workers to do, well-behaved and otherwise."""

import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from torana.core.errors import InvalidImage
from torana.media.job import Made

warmed: list[int] = []


def warm() -> None:
    warmed.append(os.getpid())


def warm_in_vain() -> NoReturn:
    raise RuntimeError("cannot warm up")


def warm_with_luck() -> None:
    """Fails until there is a file; its name comes by one of the few variables that reach a worker."""
    if not Path(os.environ["NUMBA_CACHE_DIR"]).exists():
        warm_in_vain()


def echo(params: bytes, sources: list[bytes]) -> Made:
    return Made(params, tuple(sources))


def pid(params: bytes, sources: list[bytes]) -> Made:
    return Made(json.dumps(os.getpid()).encode())


def was_warmed(params: bytes, sources: list[bytes]) -> Made:
    return Made(json.dumps(warmed == [os.getpid()]).encode())


def surroundings(params: bytes, sources: list[bytes]) -> Made:
    """The environment's names, the open files, and what there is to read on stdin."""
    files = sorted(str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.exists())
    return Made(json.dumps({"names": sorted(os.environ), "files": files, "stdin": sys.stdin.read()}).encode())


def write_down(params: bytes, sources: list[bytes]) -> Made:
    """Append the source to the file that ``params`` names."""
    with Path(os.fsdecode(params)).open("ab") as file:
        file.write(sources[0])
    return Made()


def meet(params: bytes, sources: list[bytes]) -> Made:
    """End once two have come to the folder that ``params`` names: it takes two at a time."""
    place = Path(os.fsdecode(params))
    (place / str(os.getpid())).touch()
    while len(list(place.iterdir())) < 2:
        pass
    return Made(json.dumps(os.getpid()).encode())


def refuse(params: bytes, sources: list[bytes]) -> NoReturn:
    raise InvalidImage("Too odd.", param="mask", code="invalid_image_mode")


def fail(params: bytes, sources: list[bytes]) -> NoReturn:
    raise ValueError("the picture's secret bytes")


def return_nonsense(params: bytes, sources: list[bytes]) -> str:
    return "nonsense"


def print_noise(params: bytes, sources: list[bytes]) -> Made:
    os.write(1, b"noise" * 100)
    sys.stdout.write("more noise")
    sys.stdout.flush()
    return Made(params)


def write_garbage(params: bytes, sources: list[bytes]) -> Made:
    """Write ``params`` where replies go, and never come back."""
    for descriptor in range(3, 32):
        with contextlib.suppress(OSError):
            os.write(descriptor, params)
    hang(params, sources)


def leave(params: bytes, sources: list[bytes]) -> NoReturn:
    os._exit(3)


def segfault(params: bytes, sources: list[bytes]) -> Made:
    os.kill(os.getpid(), signal.SIGSEGV)
    return Made()


def be_killed(params: bytes, sources: list[bytes]) -> Made:
    os.kill(os.getpid(), signal.SIGKILL)
    return Made()


def be_killed_once(params: bytes, sources: list[bytes]) -> Made:
    """The first time only; the file that ``params`` names remembers."""
    mark = Path(os.fsdecode(params))
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return Made(b'"survived"', tuple(sources))


def eat_memory(params: bytes, sources: list[bytes]) -> NoReturn:
    eaten = []
    while True:
        eaten.append(bytearray(16 << 20))


def eat_memory_once(params: bytes, sources: list[bytes]) -> Made:
    """The first time only; the file that ``params`` names remembers."""
    mark = Path(os.fsdecode(params))
    if not mark.exists():
        mark.touch()
        eat_memory(params, sources)
    return Made(b'"survived"', tuple(sources))


def hang(params: bytes, sources: list[bytes]) -> NoReturn:
    while True:
        pass


def hang_marked(params: bytes, sources: list[bytes]) -> NoReturn:
    """Hang, after the file that ``params`` names tells that it does."""
    Path(os.fsdecode(params)).write_text(str(os.getpid()), encoding="ascii")
    hang(params, sources)


def hang_deaf(params: bytes, sources: list[bytes]) -> NoReturn:
    """As ``hang_marked``, whatever is asked."""
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    hang_marked(params, sources)
