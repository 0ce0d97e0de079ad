"""How many instructions of the processor a call takes: the same in every run, so that a change can be told from noise.

    python -m benchmarks.gateway.instructions [--write | --against COMMIT] [--works chat,stream,var10k]

The gateway's process alone is counted, by callgrind, over calls that come one after the other, once as many calls have
warmed it up; so start-up is not in it, nor is the kernel. The counts are held to those in instructions.json beside this
file, which ``--write`` renews, or to another commit's, counted in the same run.
"""

import argparse
import http.client
import io
import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import IO

from benchmarks.gateway.driving import Upstream, check
from benchmarks.gateway.machine import BUILD, ROOT, built, stop
from benchmarks.gateway.targets import Torana, body_of, headers
from benchmarks.gateway.works import WORKS, Work

BUDGET = Path(__file__).with_suffix(".json")
COUNTED = Path(__file__).with_name("counted.py")
NAMES = ("chat", "stream", "var10k")
WARM, CALLS = 100, 200
TOLERANCE = 0.03
"""A call may take so much more before it is too much; two counts of one commit differ by less than a third of it."""


class Counted:
    """A gateway under callgrind, from the package in ``source``."""

    def __init__(self, source: Path, upstream: Upstream, directory: Path) -> None:
        self._directory = directory
        self.target = Torana(upstream.port, name="counted")
        self.target.prepare()
        library = built("counting.c", "-shared", "-fPIC")
        port = str(self.target.address(WORKS[0]).port)
        valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={directory}/out", "--trace-children=no"]
        command = [*valgrind, sys.executable, str(COUNTED), str(self.target.config), port, str(library)]
        environ = {
            **os.environ, **self.target.environ(), "PYTHONPATH": str(source), "PYTHONHASHSEED": "0",
            "OPENBLAS_NUM_THREADS": "1",
        }  # fmt: skip
        with (directory / "log").open("wb") as log:
            self.process = subprocess.Popen(
                command, env=environ, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip
        assert self.process.stdout is not None
        self._said: IO[bytes] = self.process.stdout
        self._hear()

    def _hear(self) -> None:
        if not self._said.readline():
            sys.exit(f"The gateway ended under callgrind:\n{(self._directory / 'log').read_text()[-2000:]}")

    def tell(self, number: signal.Signals) -> None:
        """Sends a signal, and waits until it is followed."""
        self.process.send_signal(number)
        self._hear()

    def count(self, work: Work) -> int:
        """Instructions of one call of this work."""
        before = set(self._directory.glob("out.*"))
        self._call(work, WARM)
        self.tell(signal.SIGUSR1)
        self._call(work, CALLS)
        self.tell(signal.SIGUSR2)
        (dump,) = set(self._directory.glob("out.*")) - before
        found = re.search(r"^(?:totals|summary): (\d+)", dump.read_text(), re.MULTILINE)
        assert found is not None
        return int(found[1]) // CALLS

    def _call(self, work: Work, times: int) -> None:
        address = self.target.address(work)
        body = body_of(self.target, work)
        lines = {"Host": "gateway", "Content-Length": str(len(body)), **headers(work, address)}
        head = f"POST {address.path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        # One write for head and body: they are always read together.
        whole = f"{head}\r\n".encode() + body
        with socket.create_connection(("127.0.0.1", address.port), timeout=60) as client:
            for _ in range(times):
                client.sendall(whole)
                answer = http.client.HTTPResponse(client)
                answer.begin()
                said = answer.read()
                if answer.status != HTTPStatus.OK:
                    sys.exit(f"{work.name}: {answer.status} {said[:300]!r}")


def count(source: Path, upstream: Upstream, works: list[Work]) -> dict[str, int]:
    """Instructions of a call of each work, with the package in ``source``."""
    directory = BUILD / "callgrind"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    gateway = Counted(source, upstream, directory)
    try:
        for work in works:
            check(gateway.target, work, upstream)
        return {work.name: gateway.count(work) for work in works}
    finally:
        stop(gateway.process)


def source_of(commit: str) -> Path:
    """The package as it was at another commit."""
    archive = subprocess.run(["git", "archive", commit, "src"], cwd=ROOT, capture_output=True, check=True).stdout
    directory = BUILD / "against"
    shutil.rmtree(directory, ignore_errors=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        packed.extractall(directory, filter="data")
    return directory / "src"


def compare(counts: Mapping[str, int], limits: Mapping[str, int]) -> bool:
    """Prints both, and says whether every call keeps its budget."""
    kept = True
    for name, now in counts.items():
        limit = limits.get(name)
        if limit is None:
            print(f"{name:8} {now:12,}  no budget yet: --write sets one")
            continue
        is_kept = now <= limit * (1 + TOLERANCE)
        kept = kept and is_kept
        print(f"{name:8} {now:12,}  budget {limit:12,}  {now / limit - 1:+.1%}  {'kept' if is_kept else 'TOO MUCH'}")
    return kept


def surroundings() -> dict[str, str]:
    """What a budget holds for: another Python takes other instructions."""
    return {"python": ".".join(platform.python_version_tuple()[:2]), "machine": platform.machine()}


def judge(counts: Mapping[str, int], commit: str | None, upstream: Upstream, works: list[Work]) -> int:
    """The exit status: 1 where a call takes too much."""
    if commit is not None:
        return 0 if compare(counts, count(source_of(commit), upstream, works)) else 1
    if not BUDGET.exists():
        print(f"There is no budget yet (--write sets one): {counts}")
        return 1
    budget = json.loads(BUDGET.read_text())
    if budget["for"] != surroundings():
        print(f"Not compared: the budget is for {budget['for']}, this is {surroundings()}. --against compares commits.")
        return 0
    return 0 if compare(counts, budget["instructions"]) else 1


def main() -> int:
    """Count, then compare or write the budget."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="make today's counts the budget")
    parser.add_argument("--against", metavar="COMMIT", help="compare with another commit instead of the budget")
    parser.add_argument("--works", default=",".join(NAMES), help=f"some of them ({','.join(NAMES)})")
    wanted = parser.parse_args()
    missing = [tool for tool in ("valgrind", "gcc", "taskset") if shutil.which(tool) is None]
    if missing:
        print(f"Instructions are not counted: {' and '.join(missing)} not installed; on Debian: apt-get install them.")
        return 0
    works = [work for work in WORKS if work.name in wanted.works.split(",")]
    upstream = Upstream()
    try:
        counts = count(ROOT / "src", upstream, works)
        if wanted.write:
            BUDGET.write_text(json.dumps({"for": surroundings(), "instructions": counts}, indent=2) + "\n")
            print(f"Written to {BUDGET.name}: {counts}")
            return 0
        return judge(counts, wanted.against, upstream, works)
    finally:
        upstream.stop()


if __name__ == "__main__":
    sys.exit(main())
