"""The gateway ends well whatever it is doing, outlives its workers, and says so when it can take no more."""

import base64
import io
import os
import select
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.gateway import END_SECONDS, PHOTO, Gateway, busy_seconds, serve, token, wait_until
from tests.e2e.wire import Connection, Reply, ask, form, form_headers, head, part, post

ECHO = """\
providers: {echo: {type: echo}}
models: {echo: {targets: [{target: echo/echo}]}}
"""
STUDIO = """\
providers: {studio: {type: local}}
models: {vary: {targets: [{target: studio/patchwork}]}}
"""
VARIATIONS = "/images/variations"
COUNT = "http_server_request_duration_seconds_count"
ESTABLISHED = "01"
"""As the system calls it in its list of connections."""


def body(model: str, side: int) -> bytes:
    image = part("image", PHOTO.read_bytes(), "a.jpg")
    return form(part("model", model), part("size", f"{side}x{side}"), part("response_format", "b64_json"), image)


def echo(gateway: Gateway) -> Reply:
    return ask(gateway.address, post(body("echo", 64), token()))


def check_pictures(reply: Reply, side: int) -> None:
    assert reply.status == 200, reply.body
    for made in reply.json["data"]:
        with Image.open(io.BytesIO(base64.b64decode(made["b64_json"]))) as picture:
            assert picture.size == (side, side)


def refuses_connections(gateway: Gateway) -> bool:
    try:
        socket.create_connection(gateway.address, 5).close()
    except ConnectionRefusedError:
        return True
    return False


@contextmanager
def half_sent(gateway: Gateway) -> Iterator[tuple[Connection, bytes]]:
    """A call that the gateway is reading, and the bytes that it still waits for."""
    whole = body("echo", 64)
    length = {"Content-Length": str(len(whole)), "Expect": "100-continue"}
    with Connection(gateway.address) as connection:
        connection.send(head({**form_headers(token()), **length}))
        assert connection.interim() == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.send(whole[:1000])
        yield connection, whole[1000:]


@pytest.fixture
def callers() -> Iterator[ThreadPoolExecutor]:
    """Calls beside the test."""
    with ThreadPoolExecutor(16) as pool:
        yield pool


def call(callers: ThreadPoolExecutor, gateway: Gateway, side: int) -> Future[Reply]:
    return callers.submit(ask, gateway.address, post(body("vary", side), token()))


def at_work(callers: ThreadPoolExecutor, gateway: Gateway) -> tuple[Future[Reply], int]:
    """A call for a picture of 1536 pixels, and the only worker, which is in the middle of it."""
    (worker,) = gateway.workers
    before = busy_seconds(worker)
    begun = call(callers, gateway, 1536)
    wait_until(lambda: busy_seconds(worker) > before + 0.1)
    return begun, worker


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that lives and does nothing."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("config", [ECHO, STUDIO], ids=["echo", "studio"])
def test_told_to_stop_when_idle(tmp_path: Path, config: str) -> None:
    with serve(tmp_path, config) as gateway, Connection(gateway.address) as kept_alive:
        kept_alive.send(head({}, method="GET", path="/healthz"))
        assert kept_alive.reply("GET").status == 200
        gateway.process.terminate()
        assert gateway.process.wait(2) == 0


@pytest.mark.parametrize("processes", [1, 2])
def test_told_to_stop_while_a_picture_comes_in(tmp_path: Path, processes: int) -> None:
    with serve(tmp_path, f"server: {{processes: {processes}}}\n{ECHO}") as gateway:
        with half_sent(gateway) as (connection, rest):
            gateway.signal_all(signal.SIGTERM)
            wait_until(lambda: refuses_connections(gateway))
            connection.send(rest)
            check_pictures(connection.reply(), 64)
        assert gateway.process.wait(END_SECONDS) == 0


def test_told_to_stop_while_a_picture_is_made(tmp_path: Path, callers: ThreadPoolExecutor) -> None:
    with serve(tmp_path, f"workers: {{count: 1}}\n{STUDIO}") as gateway:
        begun, worker = at_work(callers, gateway)
        gateway.signal_all(signal.SIGTERM)
        check_pictures(begun.result(), 1536)
        assert gateway.process.wait(END_SECONDS) == 0
        assert worker not in gateway.pids
        assert "worker_replaced" not in gateway.log


def test_a_call_that_outlasts_the_drain_is_given_up(tmp_path: Path) -> None:
    with serve(tmp_path, f"server: {{drain: 1s}}\n{ECHO}") as gateway, half_sent(gateway):
        gateway.process.terminate()
        assert gateway.process.wait(END_SECONDS) == 0


def test_a_second_ctrl_c_does_not_wait(tmp_path: Path) -> None:
    with serve(tmp_path, ECHO) as gateway, half_sent(gateway):
        gateway.signal_all(signal.SIGINT)
        wait_until(lambda: refuses_connections(gateway))
        assert gateway.process.poll() is None
        gateway.signal_all(signal.SIGINT)
        assert gateway.process.wait(2) == 0


@contextmanager
def reached(gateway: Gateway) -> Iterator[Connection]:
    """A connection to a process that answers: one to a process that is stopped is given up soon, and another tried."""
    for _ in range(20):
        with Connection(gateway.address) as connection:
            connection.send(head({}, method="GET", path="/healthz"))
            if select.select([connection.socket], [], [], 0.2)[0]:
                assert connection.reply("GET").status == 200
                yield connection
                return
    pytest.fail("no process answers")


def connections(gateway: Gateway, pid: int) -> int:
    """How many of the gateway's connections a process has."""
    port = f":{gateway.address[1]:04X}"
    known = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    ours = {f"socket:[{entry[9]}]" for entry in known if entry[1].endswith(port) and entry[3] == ESTABLISHED}
    return sum(os.path.realpath(entry).rpartition("/")[2] in ours for entry in Path(f"/proc/{pid}/fd").iterdir())


def has_a_share(gateway: Gateway, pid: int) -> bool:
    """Whether a new connection fell to this process."""
    with reached(gateway):
        return connections(gateway, pid) > 0


def test_two_processes(tmp_path: Path) -> None:
    with serve(tmp_path, f"server: {{processes: 2}}\n{ECHO}") as gateway:
        pids = gateway.processes
        assert len(pids) == 2

        def answered(number: int) -> bool:
            return gateway.metric(COUNT, http_route=VARIATIONS, http_response_status_code="200") == number

        for number, one in enumerate(pids, start=1):
            with stopped(one), reached(gateway) as other:
                other.send(post(body("echo", 64), token()))
                check_pictures(other.reply(), 64)
            wait_until(partial(answered, number))
        # Whichever is asked tells what both have counted.
        assert all(answered(2) for _ in range(16))
        assert gateway.processes == pids


def test_connections_are_dealt_out(tmp_path: Path) -> None:
    with serve(tmp_path, f"server: {{processes: 2}}\n{ECHO}") as gateway, ExitStack() as kept:
        for connection in [kept.enter_context(Connection(gateway.address)) for _ in range(64)]:
            connection.send(head({}, method="GET", path="/healthz"))
            assert connection.reply("GET").status == 200
        shares = [connections(gateway, one) for one in gateway.processes]
        # Chance leaves one with less than 10 once in a hundred million times.
        assert (sum(shares), min(shares) >= 10) == (64, True), shares


def test_a_process_that_dies_is_replaced(tmp_path: Path) -> None:
    with serve(tmp_path, f"server: {{processes: 2}}\n{ECHO}") as gateway:
        lost, other = gateway.processes
        os.kill(lost, signal.SIGKILL)
        wait_until(lambda: lost not in gateway.pids)
        # No connection falls to one that is gone, or that has yet to begin.
        for _ in range(10):
            check_pictures(echo(gateway), 64)
        wait_until(lambda: len(gateway.processes - {lost}) == 2)
        (new,) = gateway.processes - {other}
        wait_until(partial(has_a_share, gateway, new))


def test_a_process_that_hangs_is_replaced(tmp_path: Path) -> None:
    with serve(tmp_path, f"server: {{processes: 2}}\n{ECHO}") as gateway:
        hung, other = gateway.processes
        os.kill(hung, signal.SIGSTOP)
        wait_until(lambda: hung not in gateway.pids)
        wait_until(lambda: len(gateway.processes) == 2)
        assert other in gateway.processes


def test_a_process_more(tmp_path: Path) -> None:
    with serve(tmp_path, f"server: {{processes: 2}}\n{ECHO}") as gateway:
        before = gateway.processes
        gateway.process.send_signal(signal.SIGTTIN)
        wait_until(lambda: len(gateway.processes) == 3)
        (new,) = gateway.processes - before
        wait_until(partial(has_a_share, gateway, new))


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with one worker and as short a queue as may be."""
    with serve(tmp_path_factory.mktemp("narrow"), f"workers: {{count: 1, queue: 10}}\n{STUDIO}") as running:
        yield running


def test_a_worker_that_is_killed_is_replaced_and_its_picture_made(narrow: Gateway, callers: ThreadPoolExecutor) -> None:
    deaths = narrow.metric("torana_worker_deaths_total")
    begun, worker = at_work(callers, narrow)
    os.kill(worker, signal.SIGKILL)
    check_pictures(begun.result(), 1536)
    assert narrow.metric("torana_worker_deaths_total") == deaths + 1
    assert len(narrow.workers - {worker}) == 1
    assert '"event":"worker_replaced"' in narrow.log


def test_a_full_queue(narrow: Gateway, callers: ThreadPoolExecutor) -> None:
    wait_until(lambda: len(narrow.workers) == 1)
    with stopped(*narrow.workers):
        calls = [call(callers, narrow, 64) for _ in range(15)]
        wait_until(lambda: sum(each.done() for each in calls) == 5)
        refused = [each.result() for each in calls if each.done()]
    accepted = [each.result() for each in calls if each.result() not in refused]
    assert len(accepted) == 10
    for reply in accepted:
        check_pictures(reply, 64)
    for reply in refused:
        assert (reply.status, int(reply.headers["retry-after"]) > 0) == (429, True)
        error = reply.json["error"]
        assert (error["type"], error["param"], error["code"]) == ("rate_limit_error", None, "overloaded")
        assert "busy" in error["message"]


def test_a_deadline_that_cannot_be_kept(tmp_path: Path) -> None:
    with serve(tmp_path, f"workers: {{count: 1, deadline: 1ms}}\n{STUDIO}") as gateway:
        for _ in range(2):
            reply = ask(gateway.address, post(body("vary", 1024), token()))
            error = reply.json["error"]
            assert (reply.status, error["type"], error["code"]) == (504, "timeout", "deadline_exceeded")
            assert "within 0.001 s" in error["message"]
