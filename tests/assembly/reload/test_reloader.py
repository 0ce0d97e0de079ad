import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.assembly.kit import ENVIRON, Log, compiler
from tests.upstream.wire import Wire, upstream
from torana.assembly.lending import Connections
from torana.assembly.reload import changes, documents, reloader
from torana.assembly.reload.editions import Editions
from torana.assembly.reload.reloader import Reloader
from torana.assembly.settings import load
from torana.assembly.tokens import own_token
from torana.auth.jwt import Authenticator
from torana.core.clock import SystemClock
from torana.core.errors import Unauthenticated

CONFIG = """\
server: {{data_dir: {data}}}
auth:
  issuers:
    - {{issuer: torana, audience: torana, algorithms: [HS256], secret: {{file: {data}/key}}}}
providers: {{mirror: {{type: echo}}}}
"""
KEY = ENVIRON["TORANA_JWT_SECRET"]


class Told(Log):
    """A log with events to wait for."""

    def __init__(self) -> None:
        super().__init__()
        self.written = asyncio.Event()

    def write(self, text: str) -> int:
        self.written.set()
        return super().write(text)

    async def event(self, name: str, number: int = 1) -> dict[str, Any]:
        while len(found := [event for event in self.events if event["event"] == name]) < number:
            self.written.clear()
            await self.written.wait()
        return found[number - 1]


class Bench:
    """A reloader, its file, and what it serves."""

    def __init__(self, directory: Path, more: str = "", *, every: float = 0) -> None:
        self.key = directory / "key"
        self.key.write_text(KEY)
        self.file = directory / "torana.yaml"
        self.text = CONFIG.format(data=directory) + more
        self.file.write_text(self.text)
        self.log = Told()
        self.compiler = compiler(self.log)
        self.settings = load(self.file).settings
        self.editions = Editions(self.compiler.edition(self.settings, Connections()), self.compiler.health.keep)
        self.reloader = Reloader(self.file, self.compiler, self.editions, every=every)

    @property
    def authenticator(self) -> Authenticator:
        return self.editions.current.authenticator

    @property
    def models(self) -> list[str]:
        return [plan.model for plan in self.editions.current.snapshot.catalog.plans]

    def token(self) -> str:
        return "Bearer " + own_token(self.settings, {}, subject="ada", ttl=60, claims={}, clock=SystemClock())

    def count(self, result: str) -> float | None:
        return self.compiler.signals.registry.get_sample_value("torana_reloads_total", {"result": result})


@asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[Bench]:
    await bench.editions.start()
    task = asyncio.create_task(bench.reloader.run())
    yield bench
    task.cancel()
    await asyncio.wait((task,))
    await bench.editions.stop()


@pytest.fixture
async def bench(tmp_path):
    async with running(Bench(tmp_path)) as made:
        yield made
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.fixture
async def watching(tmp_path):
    async with running(Bench(tmp_path, every=0.005)) as made:
        yield made


async def test_it_reloads_when_asked(bench):
    bench.file.write_text(bench.text + "models: {vary: {targets: [{target: mirror/echo}]}}\n")
    assert bench.models == ["mirror/echo"]
    bench.reloader.ask()
    event = await bench.log.event("reloaded")
    assert (event["level"], event["changed"]) == ("info", ["models"])
    assert event["seconds"] > 0
    assert sorted(bench.models) == ["mirror/echo", "vary"]
    assert bench.count("done") == 1


async def test_asking_is_enough_of_a_reason(bench):
    before = bench.editions.current
    bench.reloader.ask()
    assert (await bench.log.event("reloaded"))["changed"] == []
    assert bench.editions.current is not before


async def test_every_mistake_is_told_and_nothing_changes(bench):
    before = bench.editions.current
    bench.file.write_text(
        bench.text.replace("server: {", "server: {prot: 1, ").replace("type: echo", "type: echo, typ: 1")
    )
    bench.reloader.ask()
    event = await bench.log.event("reload_failed")
    assert {mistake.partition(":")[0] for mistake in event["mistakes"]} == {"line 1", "line 5"}
    assert bench.editions.current is before
    assert bench.count("failed") == 1


async def test_a_key_that_cannot_be_used_changes_nothing(bench):
    before = bench.editions.current
    bench.key.write_text("short")
    bench.reloader.ask()
    (mistake,) = (await bench.log.event("reload_failed"))["mistakes"]
    assert mistake.startswith("auth.issuers[0].secret: ")
    assert "short" not in mistake.split()
    assert bench.editions.current is before


async def test_what_nobody_foresaw_changes_nothing_either(bench, monkeypatch):
    def fail(path: Path) -> None:
        raise LookupError("of the loader")

    before = bench.editions.current
    monkeypatch.setattr(reloader, "load", fail)
    bench.reloader.ask()
    event = await bench.log.event("reload_failed")
    assert (event["level"], event["exception"]) == ("error", "LookupError")
    monkeypatch.undo()
    assert bench.editions.current is before
    bench.reloader.ask()
    await bench.log.event("reloaded")


async def test_a_token_does_not_outlive_its_key(bench):
    token = bench.token()
    assert (await bench.authenticator.authenticate(token)).subject == "ada"
    bench.key.write_text("another secret that nobody guesses")
    bench.reloader.ask()
    assert (await bench.log.event("reloaded"))["changed"] == ["auth"]
    with pytest.raises(Unauthenticated):
        await bench.authenticator.authenticate(token)


async def test_what_needs_a_restart_is_told_each_time(bench):
    bench.file.write_text(bench.text + "workers: {count: 3}\n")
    for number in (1, 2):
        bench.reloader.ask()
        assert (await bench.log.event("restart_needed", number))["settings"] == ["workers.count"]


class Looks:
    """Counts how often files are looked at."""

    def __init__(self) -> None:
        self.restless: Path | None = None
        """A file that is another one at each look."""
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Queue[int] = asyncio.Queue()
        self._number = 0

    def look(self, paths: Iterable[Path]) -> dict[Path, str]:
        self._number += 1
        found = changes.look(paths)
        if self.restless is not None:
            found[self.restless] = str(self._number)
        self._loop.call_soon_threadsafe(self._done.put_nowait, self._number)
        return found

    async def __call__(self, times: int) -> None:
        """Waits until files have been looked at so many times more."""
        last = self._number + times
        while await self._done.get() < last:
            pass


@pytest.fixture
async def looks(monkeypatch):
    counted = Looks()
    monkeypatch.setattr(reloader, "look", counted.look)
    return counted


async def test_a_change_of_the_file_is_noticed(watching):
    watching.file.write_text(watching.text.replace("mirror", "other"))
    await watching.log.event("reloaded")
    assert watching.models == ["other/echo"]


async def test_a_change_of_a_file_that_it_names_is_noticed(watching):
    watching.key.write_text("another secret that nobody guesses")
    assert (await watching.log.event("reloaded"))["changed"] == ["auth"]


async def test_what_is_the_same_is_left_alone(watching, looks):
    watching.file.touch()
    watching.file.write_text(watching.text)
    await looks(3)
    assert watching.log.events == []


async def test_a_mistake_is_told_once_until_there_is_another_change(watching, looks):
    watching.file.write_text("servr: {}")
    await watching.log.event("reload_failed")
    await looks(3)
    assert len(watching.log.events) == 1
    watching.file.write_text(watching.text)
    await watching.log.event("reloaded")


async def test_a_key_that_comes_late_is_noticed(watching, tmp_path):
    late = tmp_path / "late"
    watching.file.write_text(watching.text.replace(f"{watching.key}", f"{late}"))
    await watching.log.event("reload_failed")
    late.write_text(KEY)
    assert (await watching.log.event("reloaded"))["changed"] == ["auth"]


async def test_a_file_that_is_being_written_is_not_taken_up(watching, looks):
    looks.restless = watching.file
    await looks(5)
    assert watching.log.events == []
    watching.file.write_text(watching.text + "retries: {attempts: 1}\n")
    looks.restless = None
    assert (await watching.log.event("reloaded"))["changed"] == ["retries"]


async def test_without_a_file_there_is_nothing_to_reload(tmp_path):
    bench = Bench(tmp_path)
    bench.reloader = Reloader(None, bench.compiler, bench.editions, every=0.001)
    before = bench.editions.current
    async with running(bench):
        bench.reloader.ask()
        await bench.log.event("nothing_to_reload")
        assert bench.editions.current is before


class Idp:
    """A server of keys that can go silent, until it is let speak."""

    def __init__(self) -> None:
        self.speaks = asyncio.Event()
        self.speaks.set()
        self.asked = asyncio.Event()

    async def __call__(self, wire: Wire) -> None:
        await wire.request()
        self.asked.set()
        await self.speaks.wait()
        keys = b'{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "%s"}]}' % (b"A" * 43)
        await wire.say(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(keys), keys))


def remote(host: str, name: str = "idp") -> str:
    return f'    - {{issuer: {name}, audience: torana, algorithms: [EdDSA], jwks_url: "http://{host}/{name}"}}\n'


@pytest.fixture
async def idp(tmp_path):
    """A server of keys, and a bench whose second issuer has them there."""
    server = Idp()
    async with upstream(server) as up, running(Bench(tmp_path)) as bench:
        bench.text = bench.text.replace("providers:", f"{remote(up.host)}providers:")
        bench.file.write_text(bench.text)
        bench.reloader.ask()
        await bench.log.event("reloaded")
        await bench.authenticator._issuers[1].keys.refresh_for(None)
        assert bench.authenticator.unready == ()
        yield bench, server, up.host


async def test_it_waits_for_keys_that_callers_count_on(idp):
    bench, server, _ = idp
    before = bench.editions.current
    server.speaks.clear()
    server.asked.clear()
    bench.reloader.ask()
    await server.asked.wait()
    assert bench.editions.current is before
    server.speaks.set()
    await bench.log.event("reloaded", 2)
    assert bench.authenticator.unready == ()


async def test_a_server_of_keys_that_is_down_shuts_nobody_out(idp, monkeypatch):
    bench, server, _ = idp
    monkeypatch.setattr(documents, "_TRIAL_SECONDS", 0.01)
    server.speaks.clear()
    bench.reloader.ask()
    await bench.log.event("reloaded", 2)
    assert bench.authenticator.unready == ()


async def test_an_issuer_that_is_new_is_not_waited_for(idp):
    bench, server, host = idp
    server.speaks.clear()
    bench.file.write_text(bench.text.replace(remote(host), remote(host, "new")))
    bench.reloader.ask()
    await bench.log.event("reloaded", 2)
    assert bench.authenticator.unready == ("new",)
