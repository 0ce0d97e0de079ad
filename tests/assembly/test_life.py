import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.assembly.kit import ISSUER, Log, compiler, settings_in
from tests.providers.kit import photo
from torana.assembly.lending import Connections
from torana.assembly.life import Life, Sweeper
from torana.assembly.reload.editions import Editions
from torana.assembly.reload.reloader import Reloader
from torana.config.model import Auth, Issuer, Settings
from torana.core.clock import FakeClock
from torana.core.content import Size
from torana.media.jobs.fitting import fit
from torana.media.workers import Workers
from torana.storage.objects.directory import Directory
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


def life_in(directory: Path, settings: Settings, log: Log, *, workers: Workers, last_words=()) -> Life:
    making = compiler(log, workers=workers, clock=FakeClock())
    editions = Editions(making.edition(settings, Connections()), making.health.keep)
    objects = Directory(directory / "pictures", max_total=10**6, clock=FakeClock())
    return Life(
        editions=editions,
        reloader=Reloader(None, making, editions, every=0),
        workers=workers,
        sweeper=Sweeper(objects, Log().logger, Signals(), every=30),
        books=making.books,
        last_words=last_words,
    )


async def test_it_leaves_no_task_no_process_and_no_open_file(tmp_path):
    before = open_files(), children()
    ended: list[str] = []
    workers = Workers(count=2, queue=1, memory=512 << 20, warm="gc:collect")
    settings = settings_in(tmp_path, auth=Auth(issuers=(ISSUER, REMOTE)))
    running = life_in(tmp_path, settings, Log(), workers=workers, last_words=[lambda: ended.append("spans")])
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
    workers = Workers(count=1, queue=1, memory=512 << 20, warm="gc:collect")
    running = life_in(tmp_path, settings_in(tmp_path), Log(), workers=workers)
    await running.start()
    await running.stop()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert (open_files(), children()) == before


async def test_it_hears_sighup_while_it_lives(tmp_path):
    log = Told()
    workers = Workers(count=1, queue=1, memory=512 << 20, warm="gc:collect")
    running = life_in(tmp_path, settings_in(tmp_path), log, workers=workers)
    await running.start()
    signal.raise_signal(signal.SIGHUP)
    assert "nothing_to_reload" in await log.lines.get()
    await running.stop()
    signal.raise_signal(signal.SIGHUP)


@pytest.fixture
async def swept(tmp_path):
    """A sweeper at work: its store, its clock, its log and its signals."""
    clock, log, signals = FakeClock(), Told(), Signals()
    objects = Directory(tmp_path / "pictures", max_total=160, clock=clock)
    running = []

    def start():
        running.append(asyncio.create_task(Sweeper(objects, log.logger, signals, every=0.001).run()))
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


async def test_expired_ones_go_without_a_word(swept, tmp_path):
    start, objects, clock, log, signals = swept
    await objects.put(bytes(50), extension="png", expires=clock.now() + 60)
    clock.advance(61)
    start()
    while list((tmp_path / "pictures").glob("*.png")):
        await objects.writable()
    assert log.events == []
    assert b"\ntorana_pictures_evicted_total 0.0\n" in signals.render()


async def test_a_failing_disk_is_told_of_and_tried_again(swept, tmp_path):
    start, _, _, log, _ = swept
    (tmp_path / "pictures").write_text("in the way")
    task = start()
    for _ in range(2):
        assert "sweep_failed" in await log.lines.get()
    assert log.events[0]["reason"] in {"EEXIST", "ENOTDIR"}
    assert not task.done()


async def test_a_sweeper_that_is_never_to_sweep_rests():
    store = Directory(Path("/nowhere"), max_total=1, clock=FakeClock())
    log = Told()
    await Sweeper(store, log.logger, Signals(), every=0).run()
    assert log.events == []
