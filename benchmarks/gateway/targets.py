"""The gateways that are measured: how each is configured, started and addressed."""

import http.client
import os
import secrets
import shutil
import string
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from benchmarks.gateway.bodies import FORM, body
from benchmarks.gateway.machine import BUILD, GATEWAY_CORE, RIG, free_ports, start, stop
from benchmarks.gateway.works import Way, Work

TORANA = str(Path(sys.executable).with_name("torana"))
NOTHING: Mapping[str, str] = MappingProxyType({})
_PLACES = {"server": "", "issuers": "", "models": "", "limits": "", "grants": ""}
_BUDGETS = "budgets:\n  - {name: all, limit: 8000000, every: month, per: [user]}\n"
SECRET = secrets.token_hex(32)
_PATIENCE, _PATIENCE_WITH_ERRORS = 90.0, 10.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where a work's requests go, and how they are dressed.

    ``told`` says what stands in for the work where a gateway does not offer it.
    """

    port: int
    path: str
    headers: Mapping[str, str]
    model: str
    fields: Mapping[str, str] = field(default_factory=dict)
    told: str = ""


class Target(Protocol):
    """A gateway that can be started."""

    name: str

    def command(self) -> list[str]:
        """What starts it, once its configuration is written."""
        ...

    def environ(self) -> Mapping[str, str]:
        """What it finds in its environment beside ours."""
        ...

    def address(self, work: Work) -> Address | None:
        """Where this work goes; None where it has no route that could stand in."""
        ...


def route(work: Work) -> str:
    """The path of OpenAI's API."""
    return "/v1/chat/completions" if work.is_chat else "/v1/images/variations"


def written(name: str, template: str, words: Mapping[str, object]) -> Path:
    """A configuration in a folder of its own, which is empty but for it; ``$directory`` is that folder."""
    directory = BUILD / "run" / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    path = directory / template
    text = string.Template((RIG / template).read_text())
    path.write_text(text.substitute(words, directory=directory))
    return path


class Nginx:
    """A plain reverse proxy: what passing bytes on costs at the least."""

    name = "nginx"

    def __init__(self, upstream: int, *, processes: int = 1) -> None:
        self._upstream, self._processes = upstream, processes
        self._ports: dict[Way, int] = dict(zip(("plain", "big", "slow", "drip"), free_ports(4), strict=True))

    def command(self) -> list[str]:
        """It runs in the foreground."""
        words = {
            "upstream": self._upstream,
            "processes": self._processes,
            **{str(way): port for way, port in self._ports.items()},
        }
        config = written(self.name, "nginx.conf", words)
        if os.geteuid() == 0:  # its workers would become nobody, who may not write here
            config.write_text("user root;\n" + config.read_text())
        return ["nginx", "-p", str(config.parent), "-c", str(config)]

    def environ(self) -> Mapping[str, str]:
        """Nothing."""
        return {}

    def address(self, work: Work) -> Address:
        """A port for each way."""
        return Address(self._ports[work.way], route(work), {}, "upstream-model")


class Torana:
    """This gateway, as ``rig/torana.yaml`` configures it, with what is ``added`` at its places of those names."""

    def __init__(
        self, upstream: int, *, name: str = "torana", processes: int = 1, added: Mapping[str, str] = NOTHING
    ) -> None:
        self.name = name
        self.config = BUILD / "run" / name / "torana.yaml"
        self._port = free_ports(1)[0]
        budgets = _BUDGETS if processes == 1 else ""  # several would count it in a store that they share
        self._words = {
            "upstream": upstream,
            "port": self._port,
            "processes": processes,
            "budgets": budgets,
            **_PLACES,
            **added,
        }
        self._token = ""

    def prepare(self) -> None:
        """Writes its configuration, and mints a token for its caller."""
        written(self.name, "torana.yaml", self._words)
        self._token = minted(self.config)

    def command(self) -> list[str]:
        """``torana serve``."""
        self.prepare()
        return [TORANA, "serve", "-c", str(self.config)]

    def environ(self) -> Mapping[str, str]:
        """The secret, and bytecode as where it is installed: compiled once."""
        return {
            "TORANA_JWT_SECRET": SECRET,
            "PYTHONPYCACHEPREFIX": str(BUILD / "bytecode"),
            "PYTHONDONTWRITEBYTECODE": "",
        }

    def address(self, work: Work) -> Address:
        """A model for each way."""
        model = {True: "chat", False: "pictures"}[work.is_chat] + ("" if work.way == "plain" else f"-{work.way}")
        return Address(self._port, route(work), {"Authorization": f"Bearer {self._token}"}, model)


def minted(config: Path) -> str:
    """A token that the gateway of this configuration accepts."""
    command = [TORANA, "token", "mint", "-c", str(config), "--subject", "bench", "--ttl", "7d"]
    environ = {**os.environ, "TORANA_JWT_SECRET": SECRET}
    return subprocess.run(command, env=environ, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway that runs, and the seconds from its start to its first answer of 200."""

    target: Target
    process: subprocess.Popen[bytes]
    seconds: float

    @property
    def pid(self) -> int:
        """Of its first process."""
        return self.process.pid

    def stop(self) -> None:
        """Ends it."""
        stop(self.process)


def run(target: Target, first: Work, *, core: str | None = GATEWAY_CORE) -> Running:
    """Starts a gateway and waits until it has answered ``first``; its log goes to a file beside its configuration."""
    command = target.command()
    directory = BUILD / "run" / target.name
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "log").open("wb") as log:
        began = time.perf_counter()
        process = start(command, core, log, target.environ())
    said, until = "nothing", began + _PATIENCE
    while time.perf_counter() < until:
        if process.poll() is not None:
            break
        try:
            status, answer = post(target, first)
        except (OSError, http.client.HTTPException):
            time.sleep(0.005)
            continue
        if status == http.HTTPStatus.OK:
            return Running(target, process, time.perf_counter() - began)
        if said == "nothing":
            until = min(until, time.perf_counter() + _PATIENCE_WITH_ERRORS)
        said = f"{status} {answer[:300]!r}"
        time.sleep(0.1)
    stop(process)
    sys.exit(f"{target.name} did not come up; it said {said}. Its log is {directory / 'log'}")


def post(target: Target, work: Work) -> tuple[int, bytes]:
    """One request of this work: status and body of the answer."""
    address = target.address(work)
    if address is None:
        raise LookupError(f"{target.name} has no route for {work.name}")
    client = http.client.HTTPConnection("127.0.0.1", address.port, timeout=60)
    try:
        client.request("POST", address.path, body_of(target, work), headers(work, address))
        answer = client.getresponse()
        return answer.status, answer.read()
    finally:
        client.close()


def body_of(target: Target, work: Work) -> bytes:
    """What this gateway is sent for this work."""
    address = target.address(work)
    assert address is not None
    return body(work.body, address.model, dict(address.fields))


def headers(work: Work, address: Address) -> dict[str, str]:
    """What a work's requests carry."""
    return {"Content-Type": "application/json" if work.is_chat else FORM, **address.headers}
