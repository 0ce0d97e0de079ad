"""Processes on this machine: starting them on a core, and what the kernel knows of them."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

GATEWAY_CORE, LOAD_CORE = "0", str(max(os.sched_getaffinity(0)))
_LOOK_SECONDS, _QUIET_LOOKS, _BUSY, _BOOKS_PATIENCE = 0.2, 2, 0.02, 60.0
"""The books are kept when their process took less than this share of the time, in so many looks one after the other."""
ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "bench"
RIG = Path(__file__).with_name("rig")
_WHERE = {"gcc": "gcc", "wrk": "wrk", "nginx": "nginx-light", "valgrind": "valgrind", "taskset": "util-linux"}


def need(*tools: str) -> None:
    """Ends the program, saying how to get them, where one of these tools is missing."""
    os.environ["PATH"] += os.pathsep + "/usr/sbin"
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        packages = " ".join(_WHERE.get(tool, tool) for tool in missing)
        sys.exit(f"This needs {', '.join(missing)}. On Debian and Ubuntu: apt-get install {packages}")


def built(source: str, *flags: str) -> Path:
    """A program of ``rig``, compiled unless it is newer than its source."""
    program = BUILD / Path(source).stem
    if not program.exists() or program.stat().st_mtime < (RIG / source).stat().st_mtime:
        BUILD.mkdir(parents=True, exist_ok=True)
        subprocess.run(["gcc", "-O2", *flags, "-o", str(program), str(RIG / source)], check=True)
    return program


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def start(
    command: Sequence[str], core: str | None, log: IO[bytes], environ: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Starts a program in a session of its own, on one core or, for None, on all."""
    pinned = [*(["taskset", "-c", core] if core else []), *command]
    return subprocess.Popen(
        pinned, env={**os.environ, **(environ or {})}, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip


def stop(process: subprocess.Popen[bytes], patience: float = 15) -> None:
    """Ends a program, at the latest after some seconds, and what it leaves behind."""
    process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(patience)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds since their start: of a tree's processes but its books', and of the process that keeps the books."""

    serving: float
    books: float

    def __sub__(self, other: "Cost") -> "Cost":
        return Cost(self.serving - other.serving, self.books - other.books)

    @property
    def whole(self) -> float:
        """Of the whole tree."""
        return self.serving + self.books


def tree(pid: int) -> list[int]:
    """A process and all that come of it."""
    found, ahead = [], [pid]
    while ahead:
        one = ahead.pop()
        try:
            for task in Path(f"/proc/{one}/task").iterdir():
                ahead += [int(child) for child in (task / "children").read_text().split()]
            found.append(one)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def cost(pid: int) -> Cost:
    """What a tree of processes has cost so far."""
    parts = {True: 0.0, False: 0.0}
    for one in tree(pid):
        parts[_keeps_books(one)] += sum(_nanoseconds(task) for task in _tasks(one)) / 1e9
    return Cost(parts[False], parts[True])


def settled(pid: int) -> Cost:
    """What a tree has cost once its books are kept, which may be some seconds after the last answer."""
    until, quiet, had = time.monotonic() + _BOOKS_PATIENCE, 0, cost(pid)
    while quiet < _QUIET_LOOKS and time.monotonic() < until:
        time.sleep(_LOOK_SECONDS)
        now = cost(pid)
        quiet = quiet + 1 if now.books - had.books < _LOOK_SECONDS * _BUSY else 0
        had = now
    if quiet < _QUIET_LOOKS:
        print(
            f"The books were not kept within {_BOOKS_PATIENCE:.0f} s: some of it counts for the next", file=sys.stderr
        )
    return had


def _tasks(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return []


def _nanoseconds(task: Path) -> int:
    try:
        return int((task / "schedstat").read_text().split()[0])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _keeps_books(pid: int) -> bool:
    try:
        return b"torana.assembly.office" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def memory(pid: int, field: str = "Pss") -> tuple[float, float]:
    """MiB of the first process, and of the whole tree. ``Pss`` counts what is shared once, ``Rss`` with each."""
    each = [_mebibytes(one, field) for one in tree(pid)]
    return each[0] if each else 0.0, sum(each)


def _mebibytes(pid: int, field: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024
