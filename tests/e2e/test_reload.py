"""The configuration changes while the gateway serves: whole or not at all, and nobody's call is dropped."""

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.gateway import AUTH, KEY, KEY_ISSUER, Gateway, serve, token, wait_until
from tests.e2e.wire import Connection, Reply, ask, form, form_headers, head, part, post
from tests.providers.kit import photo

PICTURE = photo(64, 64).data
MODELS = """\
providers: {echo: {type: echo}}
models: {echo: {targets: [{target: echo/echo}]}}
"""
MORE = MODELS.replace("models: {", "models: {more: {targets: [{target: echo/echo}]}, ")
WITHOUT = MODELS.replace("models: {echo:", "models: {other:")
AT_HANGUP = "server: {watch: 0s}\n"
OF_TWO = "server: {watch: 0s, processes: 2}\n"
ONLY_SECRET = "".join(line for line in AUTH.splitlines(keepends=True) if KEY_ISSUER not in line)


def body(model: str) -> bytes:
    return form(part("model", model), part("size", "64x64"), part("image", PICTURE, "a.png"))


def call(gateway: Gateway, model: str = "echo", entry: str | None = None) -> Reply:
    return ask(gateway.address, post(body(model), entry or token()))


def events(gateway: Gateway, name: str) -> list[dict[str, Any]]:
    told = [json.loads(line) for line in gateway.log.splitlines() if line.startswith("{")]
    return [event for event in told if event["event"] == name]


def write(gateway: Gateway, config: str, auth: str = AUTH) -> None:
    gateway.directory.joinpath("gateway.yaml").write_text(auth + config)


def hang_up(gateway: Gateway) -> None:
    gateway.process.send_signal(signal.SIGHUP)


def take_up(gateway: Gateway, config: str, auth: str = AUTH, *, processes: int = 1) -> None:
    """Has it take up another configuration, and waits until all its processes have."""
    before = len(events(gateway, "reloaded"))
    write(gateway, config, auth)
    hang_up(gateway)
    wait_until(lambda: len(events(gateway, "reloaded")) == before + processes)


@contextmanager
def half_sent(gateway: Gateway, model: str) -> Iterator[tuple[Connection, bytes]]:
    """A call that the gateway is reading, and the bytes that it still waits for."""
    whole = body(model)
    length = {"Content-Length": str(len(whole)), "Expect": "100-continue"}
    with Connection(gateway.address) as connection:
        connection.send(head({**form_headers(token()), **length}))
        assert connection.interim() == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.send(whole[:100])
        yield connection, whole[100:]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One that takes up changes when it is told to."""
    with serve(tmp_path_factory.mktemp("reloaded"), AT_HANGUP + MODELS) as running:
        yield running


@pytest.fixture(autouse=True)
def as_it_was(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "gateway" in request.fixturenames:
        take_up(request.getfixturevalue("gateway"), AT_HANGUP + MODELS)


def test_a_model_that_is_added_answers(gateway: Gateway) -> None:
    assert call(gateway, "more").status == 404
    take_up(gateway, AT_HANGUP + MORE)
    assert call(gateway, "more").status == 200
    assert events(gateway, "reloaded")[-1]["changed"] == ["models"]


def test_a_mistake_changes_nothing_and_is_told_with_its_line(gateway: Gateway) -> None:
    failed = gateway.metric("torana_reloads_total", result="failed")
    write(gateway, AT_HANGUP + MORE.replace("type: echo", "typ: echo").replace("more: {", "more: {ordre: weight, "))
    hang_up(gateway)
    wait_until(lambda: events(gateway, "reload_failed"))
    (event,) = events(gateway, "reload_failed")
    top = AUTH.count("\n")
    for place in (f"line {top + 2}: providers.echo.typ: no such", f"line {top + 3}: models.more.ordre: no such"):
        assert [mistake for mistake in event["mistakes"] if mistake.startswith(place)]
    assert [call(gateway, model).status for model in ("echo", "more")] == [200, 404]
    assert gateway.metric("torana_reloads_total", result="failed") == failed + 1


def test_a_call_keeps_the_configuration_that_it_began_with(gateway: Gateway) -> None:
    with half_sent(gateway, "echo") as (connection, rest):
        take_up(gateway, AT_HANGUP + WITHOUT)
        assert call(gateway).status == 404
        connection.send(rest)
        assert connection.reply().status == 200


def test_no_call_fails_while_it_changes_again_and_again(gateway: Gateway) -> None:
    with ThreadPoolExecutor(50) as callers:
        calls = [callers.submit(call, gateway) for _ in range(50)]
        for number in range(5):
            take_up(gateway, AT_HANGUP + (MORE, MODELS)[number % 2])
            calls += [callers.submit(call, gateway) for _ in range(50)]
        statuses = [each.result().status for each in calls]
    assert statuses == [200] * 300


def test_a_token_is_refused_as_soon_as_its_issuer_is_gone(gateway: Gateway) -> None:
    entry = token(KEY, "EdDSA", iss=KEY_ISSUER)
    assert [call(gateway, entry=entry).status for _ in range(2)] == [200, 200]
    take_up(gateway, AT_HANGUP + MODELS, ONLY_SECRET)
    assert call(gateway, entry=entry).status == 401
    assert call(gateway).status == 200
    assert events(gateway, "reloaded")[-1]["changed"] == ["auth"]


def test_what_needs_a_restart_is_named_and_the_rest_is_done(gateway: Gateway) -> None:
    take_up(gateway, "server: {watch: 0s, port: 1, deadline: 100s}\nworkers: {count: 3}\n" + MORE)
    assert call(gateway, "more").status == 200
    assert events(gateway, "reloaded")[-1]["changed"] == ["server", "models"]
    wait_until(lambda: events(gateway, "restart_needed"))
    assert events(gateway, "restart_needed")[-1]["settings"] == ["server.port", "workers.count", "database.enabled"]


def test_a_change_of_the_file_is_enough(tmp_path: Path) -> None:
    config = "server: {watch: 50ms}\n"
    with serve(tmp_path, config + MODELS) as gateway:
        write(gateway, config + MORE)
        wait_until(lambda: call(gateway, "more").status == 200)
        # The key that an issuer's tokens are checked with is in a file of its own.
        tmp_path.joinpath("public.pem").write_text("no key")
        wait_until(lambda: events(gateway, "reload_failed"))
        (mistake,) = events(gateway, "reload_failed")[0]["mistakes"]
        assert mistake.startswith("auth.issuers[1].public_key: ")
        assert call(gateway, "more").status == 200


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Gateway]:
    """A gateway with two processes that have both begun to serve: one that has not takes up the file all the same."""
    with serve(tmp_path, OF_TWO + MODELS) as running:
        take_up(running, OF_TWO + MODELS, processes=2)
        yield running


def test_two_processes_both_take_it_up_and_neither_ends(two: Gateway) -> None:
    pids = two.processes
    with ThreadPoolExecutor(8) as callers:
        calls = [callers.submit(call, two) for _ in range(40)]
        take_up(two, OF_TWO + MORE, processes=2)
        assert {each.result().status for each in calls} == {200}
        assert {each.status for each in callers.map(lambda _: call(two, "more"), range(40))} == {200}
    assert two.processes == pids
    assert two.metric("torana_reloads_total", result="done") == 4


def test_a_process_that_ends_is_replaced_once_the_file_is_sound(two: Gateway) -> None:
    lost, other = two.processes
    write(two, "servr: {}")
    os.kill(lost, signal.SIGKILL)
    wait_until(lambda: two.processes == {other})
    assert {call(two).status for _ in range(3)} == {200}
    write(two, OF_TWO + MODELS)
    wait_until(lambda: len(two.processes) == 2)
    assert call(two).status == 200
