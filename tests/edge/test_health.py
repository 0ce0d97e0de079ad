import shutil

import pytest

from tests.edge.gate import gate
from torana.edge.app import Route
from torana.edge.exchange import Exchange
from torana.edge.health import Metrics, Readiness, alive
from torana.media.workers import Workers
from torana.telemetry.signals import Signals


async def passing() -> bool:
    return True


async def failing() -> bool:
    return False


def reading(handle) -> dict[str, Route]:
    return {"/asked": Route("/asked", frozenset({"GET", "HEAD"}), handle)}


async def test_alive(door):
    answer = await door.get("/healthz")
    assert (answer.status, answer.json) == (200, {"status": "ok"})


async def test_alive_whatever_else(tmp_path):
    """A platform restarts what is not alive, and a full disk is no better after that."""
    async with gate(tmp_path, more=reading(alive)) as door:
        (tmp_path / "pictures").write_text("in the way")
        assert (await door.get("/asked")).status == 200


@pytest.mark.parametrize(
    ("first", "second", "status", "told"),
    [(passing, passing, 200, "ready"), (passing, failing, 503, "not ready"), (failing, failing, 503, "not ready")],
)
async def test_ready_when_every_check_passes(tmp_path, first, second, status, told):
    readiness = Readiness({"first": first, "second": second}, dict)
    async with gate(tmp_path, more=reading(readiness.serve)) as door:
        answer = await door.get("/asked")
    assert answer.status == status
    checks = {"first": "ok" if first is passing else "failing", "second": "ok" if second is passing else "failing"}
    assert answer.json == {"status": told, "checks": checks, "targets": {}}


async def test_a_target_that_is_left_alone_is_told_of_and_leaves_it_ready(tmp_path):
    states = {"lab/redux": "closed"}
    async with gate(tmp_path, more=reading(Readiness({"first": passing}, lambda: states).serve)) as door:
        states["lab/redux"] = "open"
        answer = await door.get("/asked")
    assert (answer.status, answer.json["status"]) == (200, "ready")
    assert answer.json["targets"] == {"lab/redux": "open"}


async def test_not_ready_while_the_disk_takes_nothing(door):
    assert (await door.get("/readyz")).json["checks"]["storage"] == "ok"
    shutil.rmtree(door.directory / "pictures")
    (door.directory / "pictures").write_text("in the way")
    answer = await door.get("/readyz")
    assert (answer.status, answer.json["checks"]["storage"]) == (503, "failing")
    (door.directory / "pictures").unlink()
    assert (await door.get("/readyz")).status == 200


async def test_not_ready_until_the_workers_are(tmp_path):
    workers = Workers(count=1, queue=1, memory=512 << 20)

    async def workers_ready() -> bool:
        return workers.ready

    async with gate(tmp_path, more=reading(Readiness({"workers": workers_ready}, dict).serve)) as door:
        assert (await door.get("/asked")).status == 503
        await workers.start()
        assert (await door.get("/asked")).status == 200
        await workers.stop()
        assert (await door.get("/asked")).status == 503


async def test_metrics_are_the_signals(tmp_path):
    signals = Signals()
    signals.worker_deaths.inc(3)

    def refresh() -> None:
        signals.show_circuits({"lab/redux": "half-open"})

    async def handle(exchange: Exchange) -> None:
        await Metrics(signals, refresh).serve(exchange)

    async with gate(tmp_path, more=reading(handle)) as door:
        answer = await door.get("/asked")
    assert (answer.header("content-type") or "").startswith("text/plain; version=")
    assert b"\ntorana_worker_deaths_total 3.0\n" in answer.body
    assert b'\ntorana_circuit_state{target="lab/redux"} 1.0\n' in answer.body


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/openapi.json"])
async def test_none_of_it_needs_a_token_or_has_a_body_for_head(door, path):
    whole, bare = await door.get(path), await door.get(path, "HEAD")
    assert (whole.status, bare.status) == (200, 200)
    assert bare.header("content-type") == whole.header("content-type")
