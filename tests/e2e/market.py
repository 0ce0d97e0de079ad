"""The vendors' own process, and how a test tells it what is up, what goes wrong, and asks for its ledger.

python -m tests.e2e.market
"""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from aiohttp import web

from tests.e2e.faults import Entry, World
from tests.e2e.vendors import KEY, VENDORS, Vendor

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
TARGETS = {
    "gemini": "gemini/gemini-2.5-flash-image",
    "recraft": "recraft/remix",
    "fal": "fal/fal-ai/flux-1/dev/redux",
    "openai": "openai/gpt-image-2",
    "bfl": "bfl/flux-2-pro",
}
"""What a gateway calls each vendor's model, with the accounts of ``Market.accounts``."""
_TYPES = {"bfl": "black-forest-labs"}
_PATHS = {"gemini": "/v1beta", "recraft": "/v1", "openai": "/v1"}


@dataclass(frozen=True)
class Market:
    """The running vendors, as a test sees them."""

    process: subprocess.Popen[str]
    ports: dict[str, int]

    def accounts(self, settings: str) -> str:
        """A configuration's accounts with all vendors, with further settings for each, as YAML in one line."""
        lines = [
            f'  {name}: {{type: {_TYPES.get(name, name)}, base_url: "http://{HOST}:{self.ports[name]}'
            f'{_PATHS.get(name, "")}", api_key: {{env: VENDOR_KEY}}, {settings}}}\n'
            for name in TARGETS
        ]
        return "".join(lines)

    @property
    def environ(self) -> dict[str, str]:
        """What the accounts need."""
        return {"VENDOR_KEY": KEY}

    def open(self, *names: str) -> None:
        """From now on these vendors are up, and no others."""
        self._call("PUT", "/open", list(names))

    def behave(self, **told: object) -> None:
        """From now on faults are as told: ``rate``, ``always``, ``slow`` of ``World``."""
        self._call("PUT", "/behave", {"rate": 0.0, "always": {}, **told})

    def entries(self, number: int) -> list[Entry]:
        """What was submitted with the source of that number; it is forgotten after that."""
        return [Entry(**entry) for entry in self._call("POST", f"/ledger/{number}", None)]

    def all_entries(self) -> dict[int, list[Entry]]:
        """What was submitted and not asked for yet."""
        return {int(number): [Entry(**each) for each in told] for number, told in self.state["ledger"].items()}

    @property
    def state(self) -> Any:
        """``ledger``, ``wrong``, ``requests``, ``faults``."""
        return self._call("GET", "/state", None)

    def _call(self, method: str, path: str, document: object) -> Any:
        data = None if document is None else json.dumps(document).encode()
        with urlopen(Request(f"http://{HOST}:{self.ports['control']}{path}", data, method=method)) as reply:
            return json.load(reply)


@contextmanager
def market() -> Iterator[Market]:
    """All vendors, up and without faults."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield Market(process, json.loads(process.stdout.readline()))
        process.stdin.close()
        assert process.wait(10) == 0


class _Stall:
    """A vendor and its port, which stays its own while nothing listens there."""

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor
        self._place = _bound(0)
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        return int(self._place.getsockname()[1])

    async def open(self) -> None:
        if self._runner is None:
            self._runner = web.AppRunner(self._vendor.app(), shutdown_timeout=0.1, access_log=None)
            await self._runner.setup()
            await web.SockSite(self._runner, _bound(self.port)).start()

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None


def _bound(port: int) -> socket.socket:
    place = socket.socket()
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    place.bind((HOST, port))
    return place


class _Control:
    """What tests tell and ask."""

    def __init__(self) -> None:
        self.world = World()
        self.stalls = {vendor.name: _Stall(vendor(self.world)) for vendor in VENDORS}

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes([
            web.put("/open", self.open),
            web.put("/behave", self.behave),
            web.post("/ledger/{number}", self.entries),
            web.get("/state", self.state),
        ])  # fmt: skip
        return app

    async def open(self, request: web.Request) -> web.Response:
        names = await request.json()
        for name, stall in self.stalls.items():
            await (stall.open() if name in names else stall.close())
        return web.json_response({})

    async def behave(self, request: web.Request) -> web.Response:
        for name, value in (await request.json()).items():
            setattr(self.world, name, value)
        return web.json_response({})

    async def entries(self, request: web.Request) -> web.Response:
        entries = self.world.ledger.pop(int(request.match_info["number"]), [])
        return web.json_response([asdict(entry) for entry in entries])

    async def state(self, _request: web.Request) -> web.Response:
        world = self.world
        ledger = {number: [asdict(entry) for entry in entries] for number, entries in world.ledger.items()}
        told = {"ledger": ledger, "wrong": world.wrong, "requests": world.requests, "faults": world.faults}
        return web.json_response(told)


async def _serve() -> None:
    control = _Control()
    runner = web.AppRunner(control.app(), access_log=None)
    await runner.setup()
    place = _bound(0)
    await web.SockSite(runner, place).start()
    for stall in control.stalls.values():
        await stall.open()
    ports = {"control": place.getsockname()[1], **{name: stall.port for name, stall in control.stalls.items()}}
    sys.stdout.write(f"{json.dumps(ports)}\n")
    sys.stdout.flush()
    # Whoever started this process ends it by closing its standard input, or by ending.
    await asyncio.to_thread(sys.stdin.read)
    for stall in control.stalls.values():
        await stall.close()
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_serve())
