import io
import json
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.request import urlopen

import pytest
from PIL import Image

from tests.cli.command import CONFIG, end, start
from tests.e2e.gateway import PHOTOS, wait_until

ROOT = PHOTOS.parents[1]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (CONFIG + "server: {prot: 1}", ["line 9: server.prot: no such setting. Did you mean `port`?"]),
        (
            CONFIG.replace("echo/echo", "lost/echo").replace("type: local", "type: lokal"),
            ["line 5: providers.studio.type: no such type of provider.", "line 8: models.vary"],
        ),
        ("{", ["not valid YAML"]),
    ],
    ids=["setting", "meaning", "yaml"],
)
def test_a_bad_configuration(here: Path, content: str, says: list[str]) -> None:
    here.joinpath("bad.yaml").write_text(content)
    code, out, err = end(start("serve", "--config", "bad.yaml", directory=here))
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == len(says)
    for words in says:
        assert words in err


def test_keys_that_are_not_there(here: Path, config: Path) -> None:
    for secret, says in ("", "is not set"), ("short", "HS256 needs at least 32"):
        code, out, err = end(start("serve", "-c", config, directory=here, environ={"CLI_SECRET": secret}))
        assert (code, out) == (2, "")
        assert err.startswith("auth.issuers[0].secret: ")
        assert says in err


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("shared", [False, True], ids=["alone", "shared"])
def test_a_port_that_is_taken(here: Path, config: Path, processes: int, shared: bool) -> None:
    config.write_text(f"{CONFIG}server: {{processes: {processes}}}\n")
    # Somebody who would share the port is refused to us just as well.
    with socket.create_server(("127.0.0.1", 0), reuse_port=shared) as taken:
        port = taken.getsockname()[1]
        code, out, err = end(start("serve", "-c", config, "--port", str(port), directory=here))
    assert (code, out) == (1, "")
    assert err == (
        f"Cannot listen on 127.0.0.1, port {port}: Address already in use. Choose another with --host and --port.\n"
    )


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1"])
def test_an_address_that_is_not_ours(here: Path, config: Path, host: str) -> None:
    code, out, err = end(start("serve", "-c", config, "--host", host, "--port", "0", directory=here))
    assert (code, out) == (1, "")
    assert re.fullmatch(rf"Cannot listen on {host}, port 0: [\w -]+\. Choose another with --host and --port\.\n", err)


def test_a_port_that_cannot_be(here: Path) -> None:
    code, out, err = end(start("serve", "--port", "65536", directory=here))
    assert (code, out) == (2, "")
    assert "65536 is not in the range" in err


def test_a_folder_that_cannot_be_used(here: Path) -> None:
    here.joinpath("torana-data").touch()
    code, out, err = end(start("serve", "--port", "0", directory=here))
    assert (code, out, err) == (1, "", "torana-data/token.key: Not a directory\n")


@dataclass(frozen=True)
class Served:
    """A server that answers, and what it said on its way there."""

    process: subprocess.Popen[str]
    url: str
    greeting: list[str]


Serve = Callable[..., Served]


@pytest.fixture
def serve(here: Path) -> Iterator[Serve]:
    """Starts servers, and tells them to stop as Ctrl-C does: they must end well."""
    started: list[subprocess.Popen[str]] = []

    def serve(*arguments: str | Path) -> Served:
        process = start("serve", "--port", "0", *arguments, directory=here)
        started.append(process)
        greeting = lines(process.stderr, 1 if "--config" in arguments else 2)
        url = greeting[0].split()[-1]
        wait_until(lambda: fetch(f"{url}/healthz") == b'{"status": "ok"}')
        return Served(process, url, greeting)

    yield serve
    for process in started:
        process.send_signal(signal.SIGINT)
        code, _, err = end(process)
        assert code == 0, err
        assert "Traceback" not in err


def lines(stream: IO[str] | None, count: int) -> list[str]:
    assert stream is not None
    return [stream.readline() for _ in range(count)]


def fetch(url: str) -> bytes:
    try:
        with urlopen(url, timeout=10) as reply:
            return bytes(reply.read())
    except OSError:
        return b""


@pytest.mark.timeout(180)
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_without_a_configuration_and_with_a_line_to_try(here: Path, serve: Serve) -> None:
    served = serve("--curl")
    assert "".join(served.greeting) == (
        f"Torana listens on {served.url}\n"
        "No configuration: serving the model patchwork, with keys and pictures in ./torana-data. "
        "Make a token with `torana token mint --subject you`, or a key that can be taken back with "
        "`torana users set you` and `torana keys create --owner user:you`.\n"
    )
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", served.url)
    shown = "".join(lines(served.process.stdout, 4))
    done = subprocess.run(["sh", "-c", shown], cwd=ROOT, capture_output=True, text=True, timeout=150, check=True)
    made = json.loads(done.stdout)["data"]
    assert len(made) == 2
    with Image.open(io.BytesIO(fetch(made[0]["url"]))) as picture:
        assert picture.size == (512, 512)
    kept = here / "torana-data"
    wanted = {"journal", "picture.key", "pictures", "registry.json", "spool", "token.key", "torana.db"}
    # The office makes its own behind the calls.
    wait_until(lambda: wanted <= {path.name for path in kept.iterdir()})
    served.process.send_signal(signal.SIGHUP)
    assert served.process.stderr is not None
    assert any('"event":"nothing_to_reload"' in line for line in served.process.stderr)


def test_a_line_to_try_names_a_model_that_there_is(here: Path, serve: Serve) -> None:
    direct = CONFIG.partition("models:")[0].replace("  studio: {type: local}\n", "")
    here.joinpath("direct.yaml").write_text(direct)
    served = serve("--config", "direct.yaml", "--curl")
    assert "model=echo/echo " in lines(served.process.stdout, 4)[-1]


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
def test_an_address_of_the_newer_kind(serve: Serve, config: Path, processes: int) -> None:
    config.write_text(f"{CONFIG}server: {{processes: {processes}}}\n")
    assert serve("--config", config, "--host", "::1").url.startswith("http://[::1]:")
