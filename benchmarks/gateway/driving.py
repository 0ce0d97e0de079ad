"""Load on a gateway, and what one round of it cost."""

import base64
import http.client
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from benchmarks.gateway import bodies
from benchmarks.gateway.machine import (
    BUILD,
    LOAD_CORE,
    RIG,
    Cost,
    built,
    cost,
    free_ports,
    memory,
    settled,
    start,
    stop,
)
from benchmarks.gateway.targets import Running, Target, body_of, headers, post
from benchmarks.gateway.works import Work

EVENTS = 50
_HEADER = 33
_WATCH_SECONDS = 0.02
_PROFILE_SPARE = 300


class Upstream:
    """The cheap upstream, on the load's core."""

    def __init__(self) -> None:
        self.port = free_ports(1)[0]
        small, big = bodies.write_answers(BUILD)
        self.pictures = {"plain": small.read_text(), "slow": small.read_text(), "big": big.read_text()}
        with (BUILD / "upstream.log").open("wb") as log:
            command = [str(built("upstream.c")), str(self.port), str(small), str(big)]
            self._process = start(command, LOAD_CORE, log)

    def stats(self) -> dict[str, int]:
        """What it has counted so far."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        client.request("GET", "/stats")
        counted: dict[str, int] = json.loads(client.getresponse().read())
        client.close()
        return counted

    def stop(self) -> None:
        """Ends it."""
        stop(self._process)


@dataclass(frozen=True, slots=True)
class Round:
    """One run of load: requests a second, CPU microseconds a request, milliseconds of latency."""

    rps: float
    cpu: float
    serving: float
    books: float
    p50: float
    p99: float


def check(target: Target, work: Work, upstream: Upstream) -> None:
    """Ends the program unless one request is answered as the upstream answered it."""
    status, answer = post(target, work)
    try:
        right = status == http.HTTPStatus.OK and _is_right(work, answer, upstream)
    except (ValueError, KeyError, IndexError, TypeError):
        right = False
    if not right:
        raise Unable(f"{target.name} answered {work.name} wrongly: {status} {answer[:400]!r}")


class Unable(Exception):
    """A gateway did not do a work as it should."""


def _is_right(work: Work, answer: bytes, upstream: Upstream) -> bool:
    if work.is_stream:
        return answer.count(b'" token"') == EVENTS and b"data: [DONE]" in answer
    document = json.loads(answer)
    if work.is_chat:
        return "fixed answer" in document["choices"][0]["message"]["content"]
    if "b64_json" not in answer.decode():
        return False
    made, sent = base64.b64decode(document["data"][0]["b64_json"]), base64.b64decode(upstream.pictures[work.way])
    # The signature and header as they were, then all of the pixels; a gateway may write a note of origin between them.
    return made.startswith(sent[:_HEADER]) and made.endswith(sent[_HEADER:])


def load(running: Running, work: Work, upstream: Upstream, seconds: int) -> Round:
    """One round; Unable where a request fails, or never came to the upstream."""
    address = running.target.address(work)
    assert address is not None
    sent = BUILD / "body"
    sent.write_bytes(body_of(running.target, work))
    lines = "\n".join(f"{name}: {value}" for name, value in headers(work, address).items())
    counted, before = upstream.stats(), settled(running.pid)
    command = ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{work.connections}", f"-d{seconds}s", "--timeout", "30s"]
    command += ["-s", str(RIG / "load.lua"), f"http://127.0.0.1:{address.port}{address.path}"]
    environ = {**os.environ, "BODY": str(sent), "HEADERS": lines}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    # What it did until the last answer, and the books of these calls, whenever they were kept.
    spent = Cost(cost(running.pid).serving, settled(running.pid).books) - before
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("FIGURES")]
    count, microseconds, *errors = (int(word) for word in line.split()[1:8])
    p50, p99 = (float(word) for word in line.split()[8:])
    now = upstream.stats()
    arrived = now["requests"] - counted["requests"]
    if any(errors) or not count or arrived < count or now["broken"] != counted["broken"]:
        log = BUILD / "run" / running.target.name / "log"
        raise Unable(
            f"{running.target.name} failed in {work.name}: {count} answered, {arrived} at the upstream, errors of "
            f"status, connecting, reading, writing, time: {errors}. Its log is {log}"
        )
    each = 1e6 / count
    return Round(count / (microseconds / 1e6), spent.whole * each, spent.serving * each, spent.books * each, p50, p99)


def median(rounds: Sequence[Round]) -> Round:
    """Each figure's median."""
    fields = Round.__dataclass_fields__
    return Round(**{name: statistics.median(getattr(each, name) for each in rounds) for name in fields})


class Watch:
    """The most memory that a process and its tree held while this was open: MiB."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.first = self.whole = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(_WATCH_SECONDS):
            first, whole = memory(self._pid)
            self.first, self.whole = max(self.first, first), max(self.whole, whole)


def profile(running: Running, work: Work, upstream: Upstream, seconds: int, directory: Path) -> str:
    """A round under py-spy; the sentence says where the profile is, or why there is none."""
    program = shutil.which("py-spy") or shutil.which(str(Path(sys.executable).with_name("py-spy")))
    if program is None:
        return "No profile: py-spy is not installed (pip install py-spy)."
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{work.name}.speedscope.json"
    command = [
        program,
        "record",
        "-p",
        str(running.pid),
        "-d",
        str(seconds + _PROFILE_SPARE),
        "-r",
        "500",
        "-f",
        "speedscope",
    ]
    with subprocess.Popen([*command, "-o", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as watching:
        time.sleep(1)
        load(running, work, upstream, seconds)
        watching.send_signal(signal.SIGINT)  # it writes down what it has
        _, said = watching.communicate()
    return f"Profile: {path}" if path.exists() else f"No profile: py-spy said {said.decode()[-300:]}"
