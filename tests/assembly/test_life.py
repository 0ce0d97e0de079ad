import asyncio
import os
from pathlib import Path

import pytest

from tests.assembly.kit import ISSUER, Log
from tests.providers.kit import photo
from torana.assembly import life
from torana.assembly.lending import Connections
from torana.assembly.life import Life, Sweeper
from torana.auth.build import build_authenticator
from torana.config.model import Auth, Issuer
from torana.core.clock import FakeClock
from torana.core.content import Size
from torana.media.jobs.fitting import fit
from torana.media.workers import Workers
from torana.storage.objects import Objects
from torana.telemetry.signals import Signals

REMOTE = Issuer(issuer="idp", audience="torana", algorithms=("RS256",), jwks_url="http://127.0.0.1:9/keys")


class Told(Log):
    """A log that tells when something is written."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: asyncio.Queue[str] = asyncio.Queue()

    def write(self, text: str) -> int:
        self.lines.put_nowait(text)
        return super().write(text)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


async def never_there(url: str) -> bytes:
    raise OSError(url)


async def test_it_leaves_no_task_no_process_and_no_open_file(tmp_path):
    before = open_files(), children()
    objects = Objects(tmp_path / "pictures", max_total=10**6, clock=FakeClock())
    connections = Connections()
    connections.connect(1)
    ended: list[str] = []
    workers = Workers(count=2, queue=1, memory=512 << 20, warm="gc:collect")
    running = Life(
        authenticator=build_authenticator(
            Auth(issuers=(ISSUER, REMOTE)),
            {"TORANA_JWT_SECRET": "x" * 32},
            clock=FakeClock(),
            fetch=connections.downloader.fetch_document,
        ),
        workers=workers,
        connections=connections,
        sweeper=Sweeper(objects, Log().logger, Signals()),
        stop_spans=lambda: ended.append("spans"),
    )
    await running.start()
    picture = await fit(workers, photo(), size=Size(20, 20), output_format="png", max_pixels=10**6)
    assert picture.info.size == Size(20, 20)
    assert workers.ready
    assert children() > before[1]
    await running.stop()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert (open_files(), children()) == before
    assert ended == ["spans"]
    assert not workers.ready


async def test_it_can_stop_before_anything_has_come_up(tmp_path):
    before = open_files(), children()
    objects = Objects(tmp_path / "pictures", max_total=10**6, clock=FakeClock())
    workers = Workers(count=1, queue=1, memory=512 << 20, warm="gc:collect")
    running = Life(
        authenticator=build_authenticator(Auth(), {}, clock=FakeClock(), fetch=never_there),
        workers=workers,
        connections=Connections(),
        sweeper=Sweeper(objects, Log().logger, Signals()),
        stop_spans=lambda: None,
    )
    await running.start()
    await running.stop()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert (open_files(), children()) == before


@pytest.fixture
def often(monkeypatch):
    monkeypatch.setattr(life, "_SWEEP_SECONDS", 0.0)


@pytest.fixture
async def swept(tmp_path):
    """A sweeper at work: its store, its clock, its log and its signals."""
    clock, log, signals = FakeClock(), Told(), Signals()
    objects = Objects(tmp_path / "pictures", max_total=160, clock=clock)
    running = []

    def start():
        running.append(asyncio.create_task(Sweeper(objects, log.logger, signals).run()))
        return running[0]

    yield start, objects, clock, log, signals
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def test_pictures_that_had_to_go_early_are_told_of(swept):
    start, objects, clock, log, signals = swept
    for _ in range(4):
        await objects.put(bytes(50), extension="png", expires=clock.now() + 60)
    start()
    await log.lines.get()
    (event,) = log.events
    assert (event["level"], event["event"], event["count"]) == ("warning", "pictures_evicted", 1)
    assert event["setting"] == "pictures.max_total"
    assert b"\ntorana_pictures_evicted_total 1.0\n" in signals.render()


async def test_expired_ones_go_without_a_word(swept, often, tmp_path):
    start, objects, clock, log, signals = swept
    await objects.put(bytes(50), extension="png", expires=clock.now() + 60)
    clock.advance(61)
    start()
    while list((tmp_path / "pictures").glob("*.png")):
        await objects.writable()
    assert log.events == []
    assert b"\ntorana_pictures_evicted_total 0.0\n" in signals.render()


async def test_a_failing_disk_is_told_of_and_tried_again(swept, often, tmp_path):
    start, _, _, log, _ = swept
    (tmp_path / "pictures").write_text("in the way")
    task = start()
    for _ in range(2):
        assert "sweep_failed" in await log.lines.get()
    assert log.events[0]["reason"] in {"EEXIST", "ENOTDIR"}
    assert not task.done()
