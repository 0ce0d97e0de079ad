"""A gateway as its operators run it: the real command, a configuration file, a process and a port of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.wire import Reply, fetch

PHOTOS = Path(__file__).resolve().parents[2] / "examples" / "photos"
PHOTO = PHOTOS / "coffee.jpg"
TORANA = str(Path(sys.executable).with_name("torana"))

START_SECONDS = 120
"""The first start on a machine compiles the engine."""
END_SECONDS = 30

ISSUER, AUDIENCE, SECRET = "https://tokens.example", "torana", "a secret for tests, of 32 bytes or more"
KEY_ISSUER, KEY = "https://keys.example", ed25519.Ed25519PrivateKey.generate()
PUBLIC_KEY = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

AUTH = f"""\
auth:
  issuers:
    - {{issuer: {ISSUER}, audience: {AUDIENCE}, algorithms: [HS256], secret: {{env: E2E_SECRET}}}}
    - {{issuer: {KEY_ISSUER}, audience: {AUDIENCE}, algorithms: [EdDSA], public_key: {{file: public.pem}}}}
"""


NO_DATABASE = "\ndatabase: {enabled: false}\n"
"""Most tests need no office, and it would have to start for each of them."""


def token(key: str | bytes | ed25519.Ed25519PrivateKey = SECRET, algorithm: str = "HS256", **changes: object) -> str:
    """A token that every gateway here accepts, unless the changes to its claims spoil it."""
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "iat": now, "exp": now + 3600, **changes}
    return jwt.encode(claims, key, algorithm=algorithm)


@dataclass(frozen=True)
class Gateway:
    """A gateway that runs, and what can be seen of it from outside."""

    process: subprocess.Popen[bytes]
    directory: Path
    url: str = ""

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.url.removeprefix("http://").partition(":")
        return host, int(port)

    @property
    def log(self) -> str:
        # Lines are gathered for a moment before they are written.
        time.sleep(0.15)
        return (self.directory / "stderr").read_text()

    @property
    def pids(self) -> set[int]:
        """Its processes that live, itself included: it leads a session, and they all stay in it."""
        found = {int(entry.name): _stat(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdecimal()}
        return {pid for pid, stat in found.items() if stat.session == self.process.pid and stat.state != "Z"}

    @property
    def workers(self) -> set[int]:
        """Those that make pictures."""
        return {pid for pid in self.pids if "torana.media.worker" in _command(pid)}

    @property
    def processes(self) -> set[int]:
        """Those that serve, where there are several."""
        return {pid for pid in self.pids if "spawn_main" in _command(pid)}

    def get(self, path: str) -> Reply:
        return fetch(f"{self.url}{path}")

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that carry these labels."""
        families = text_string_to_metric_families(self.get("/metrics").body.decode())
        samples = [sample for family in families for sample in family.samples if sample.name == name]
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())

    def signal_all(self, number: int) -> None:
        """Signals every process of it at once, as a terminal or a service manager does."""
        os.killpg(self.process.pid, number)


def launch(directory: Path, config: str, environ: Mapping[str, str] | None = None) -> Gateway:
    """A gateway that listens; whoever launches it ends it."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.joinpath("public.pem").write_bytes(PUBLIC_KEY)
    directory.joinpath("gateway.yaml").write_text(AUTH + config)
    with directory.joinpath("stderr").open("wb") as errors:
        process = subprocess.Popen(
            [TORANA, "serve", "--config", "gateway.yaml", "--port", "0"],
            cwd=directory,
            env={**os.environ, "E2E_SECRET": SECRET, **(environ or {})},
            stderr=errors,
            start_new_session=True,
        )
    return Gateway(process, directory, _address(Gateway(process, directory)))


@contextmanager
def serve(directory: Path, config: str, environ: Mapping[str, str] | None = None) -> Iterator[Gateway]:
    """A gateway that is ready. After the block it is told to stop: it must end well and leave nothing behind.

    One whose configuration says nothing of a database has none.
    """
    gateway = launch(directory, config if "database:" in config else f"{config}{NO_DATABASE}", environ)
    process = gateway.process
    try:
        wait_until(lambda: gateway.get("/readyz").status == 200, START_SECONDS)
        yield gateway
        process.terminate()
        assert process.wait(END_SECONDS) == 0, gateway.log
        wait_until(lambda: not gateway.pids)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(END_SECONDS)


def wait_until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Waits for what another process brings about."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "what the test waits for did not come about"
        time.sleep(0.02)


def busy_seconds(pid: int) -> float:
    """How long a process has computed."""
    return _stat(pid).ticks / os.sysconf("SC_CLK_TCK")


def _address(gateway: Gateway) -> str:
    def told() -> re.Match[str] | None:
        assert gateway.process.poll() is None, gateway.log
        return re.search(r"Torana listens on (\S+)\n", gateway.log)

    wait_until(told)
    found = told()
    assert found is not None
    return found[1]


@dataclass(frozen=True)
class _Stat:
    """What /proc says of a process; nothing of one that is gone."""

    state: str = "Z"
    session: int = 0
    ticks: int = 0


def _stat(pid: int) -> _Stat:
    with suppress(FileNotFoundError, ProcessLookupError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return _Stat(fields[0], int(fields[3]), int(fields[11]) + int(fields[12]))
    return _Stat()


def _command(pid: int) -> str:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""
