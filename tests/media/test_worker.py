import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from torana.media.frames import PREFIX, Done, Failed, Order, Ready, Refused, Reply, Stopped, decode_reply, opened
from torana.media.job import Made
from torana.media.worker import main

JOBS = "tests.media.worker_jobs"
MEMORY = 512 << 20


class Peer:
    """A worker at the other end of its pipes."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", main.__module__, "--memory", str(MEMORY), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PYTHONPATH": str(Path.cwd()), "PATH": os.environ["PATH"]},
        )
        self.orders = cast("BinaryIO", self.process.stdin)
        self.replies = cast("BinaryIO", self.process.stdout)

    def receive(self) -> tuple[Reply, list[bytes]]:
        (length,) = PREFIX.unpack(self.replies.read(PREFIX.size))
        reply = decode_reply(self.replies.read(length))
        return reply, [self.replies.read(size) for size in reply.sizes]

    def send(self, function: str, params: bytes = b"", *sources: bytes) -> None:
        order = Order(f"{JOBS}:{function}", params, tuple(len(source) for source in sources))
        self.orders.write(opened(order) + b"".join(sources))
        self.orders.flush()

    def do(self, function: str, params: bytes = b"", *sources: bytes) -> tuple[Reply, list[bytes]]:
        self.send(function, params, *sources)
        return self.receive()

    def told(self, function: str) -> Any:
        reply, _ = self.do(function)
        assert isinstance(reply, Done)
        return json.loads(reply.meta)

    def end(self) -> tuple[int, str]:
        """Its exit status and what it said on stderr."""
        _, said = self.process.communicate()
        return self.process.returncode, said.decode()


@pytest.fixture
def start() -> Iterator[Callable[..., Peer]]:
    peers: list[Peer] = []

    def started(*arguments: str) -> Peer:
        peers.append(Peer(*arguments))
        return peers[-1]

    yield started
    for peer in peers:
        peer.process.kill()
        with peer.process:
            pass


@pytest.fixture
def peer(start: Callable[..., Peer]) -> Peer:
    peer = start()
    assert peer.receive() == (Ready(), [])
    return peer


def test_does_job_after_job_until_stdin_ends(peer):
    for size in (0, 10, 3_000_000):
        reply, blobs = peer.do("echo", b"{}", b"first", bytes(size))

        assert isinstance(reply, Done)
        assert reply.meta == b"{}"
        assert 0 <= reply.seconds < 5
        assert blobs == [b"first", bytes(size)]
    assert peer.end() == (0, "")


def test_warms_up_before_it_is_ready(start):
    peer = start("--warm", f"{JOBS}:warm")

    assert peer.receive() == (Ready(), [])
    assert peer.told("was_warmed") is True
    assert peer.end()[0] == 0


def test_ends_when_it_cannot_warm_up(start):
    peer = start("--warm", f"{JOBS}:warm_in_vain")

    assert peer.replies.read() == b""
    status, said = peer.end()
    assert status == 1
    assert "cannot warm up" in said


def test_a_refusal_travels_as_it_is(peer):
    assert peer.do("refuse") == (Refused("Too odd.", "mask", "invalid_image_mode"), [])


@pytest.mark.parametrize(
    ("function", "kind", "place"),
    [
        ("fail", "ValueError", "in fail"),
        ("return_nonsense", "TypeError", "in _done"),
        ("missing", "AttributeError", "in _function"),
    ],
)
def test_any_other_failure_tells_stderr_where_but_not_what(peer, function, kind, place):
    assert peer.do(function) == (Failed(), [])
    assert isinstance(peer.do("echo")[0], Done)

    status, said = peer.end()
    assert status == 0
    assert said.startswith(f"torana worker: {kind}\n")
    assert place in said
    assert "ValueError: the picture" not in said


def test_out_of_memory_ends_it_within_its_bound(peer):
    peer.send("eat_memory")

    assert peer.replies.read() == b""
    status, said = peer.end()
    assert status == 1
    assert "MemoryError" in said
    assert "in eat_memory" in said


def test_stray_prints_go_to_stderr(peer):
    reply, _ = peer.do("print_noise", b"{}")

    assert isinstance(reply, Done)
    assert peer.end() == (0, "noise" * 100 + "more noise")


def test_cancels_the_job_at_hand_and_goes_on(peer, mark):
    peer.send("hang_marked", os.fsencode(mark))
    assert int(mark.read_text()) == peer.process.pid  # the job has begun

    peer.process.send_signal(signal.SIGUSR1)

    assert peer.receive() == (Stopped(), [])
    assert peer.told("pid") == peer.process.pid


def test_ignores_every_signal_that_is_not_for_the_job(peer):
    for _ in range(20):
        peer.process.send_signal(signal.SIGUSR1)
        peer.process.send_signal(signal.SIGINT)
        peer.process.send_signal(signal.SIGTERM)
        assert peer.told("pid") == peer.process.pid


@pytest.mark.parametrize("cut", [2, 10, -1])
def test_half_an_order_is_none(peer, cut):
    frame = opened(Order(f"{JOBS}:echo", b"", (4,))) + b"four"
    peer.orders.write(frame[:cut])
    peer.orders.close()

    assert peer.replies.read() == b""


def test_leaves_no_core_file(peer):
    limits = Path(f"/proc/{peer.process.pid}/limits").read_text()

    assert [line.split()[4:6] for line in limits.splitlines() if "core file" in line] == [["0", "0"]]
    assert str(MEMORY) in next(line for line in limits.splitlines() if "data size" in line)


def test_a_job_s_result_is_typed():
    assert Made() == Made(b"{}", ())
