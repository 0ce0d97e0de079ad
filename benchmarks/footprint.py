"""What a gateway costs to have: start, memory when idle, and memory with uploads in flight.

    python benchmarks/footprint.py [--json]

Starts a gateway without the engine before an upstream that takes its time, then holds 64 uploads in flight at once:
each client sends all but its last bytes, waits until all others have come as far, and sends the rest. Memory is the
resident set of the gateway's process as the kernel tells it; the peak is the kernel's own high-water mark. Its office,
the process that keeps the books, is measured beside it.
"""

import asyncio
import base64
import io
import json
import os
import re
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

CLIENTS = 64
SIZES = (1, 4, 16)
STARTS = 5
UPSTREAM_SECONDS = 0.2
LAST = 1024
TORANA = str(Path(sys.executable).with_name("torana"))
SECRET = secrets.token_hex(32)
CONFIG = """
server: {{port: 0, data_dir: {directory}/data}}
auth:
  issuers: [{{issuer: torana, audience: torana, algorithms: [HS256], secret: {{env: TORANA_JWT_SECRET}}}}]
providers:
  lab: {{type: openai-compatible, base_url: "http://127.0.0.1:{port}/v1", max_connections: 128}}
models:
  remote: {{targets: [{{target: lab/redux}}]}}
"""


def noise(megabytes: float) -> bytes:
    """A picture that no compression makes smaller."""
    side = int((megabytes * 1_000_000 / 3) ** 0.5)
    file = io.BytesIO()
    Image.frombytes("RGB", (side, side), os.urandom(side * side * 3)).save(file, "png", compress_level=0)
    return file.getvalue()


SMALL = base64.b64encode(noise(0.003)).decode()


async def upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reads a request whole, waits, answers with a small picture."""
    with_body = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
    while True:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            break
        found = with_body.search(head)
        left = int(found[1]) if found else 0
        while left > 0:
            left -= len(await reader.read(min(left, 65536)))
        await asyncio.sleep(UPSTREAM_SECONDS)
        body = json.dumps({"created": 1, "data": [{"b64_json": SMALL}]}).encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )
        await writer.drain()
    writer.close()


class Gateway:
    """A gateway process, and what the kernel knows of it."""

    def __init__(self, process: subprocess.Popen[str], address: tuple[str, int], milliseconds: float) -> None:
        self.process = process
        self.address = address
        self.milliseconds = milliseconds

    def memory(self, field: str) -> float:
        """``VmRSS`` or ``VmHWM``, in MiB."""
        return _memory(self.process.pid, field)

    @property
    def office(self) -> int:
        """Its office's process."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        (office,) = [int(child) for task in tasks for child in (task / "children").read_text().split()]
        return office

    def forget_peak(self) -> None:
        """From here on the high-water mark counts anew."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")


def _memory(pid: int, field: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]  # the kernel writes it


@contextmanager
def gateway(config: Path) -> Iterator[Gateway]:
    """A running gateway, timed from its start to its first healthy answer."""
    started = time.perf_counter()
    environ = {**os.environ, "TORANA_JWT_SECRET": SECRET, "PYTHONPYCACHEPREFIX": str(config.parent / "bytecode")}
    # As where it is installed: the first start compiles the modules, and all others find them compiled.
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    process = subprocess.Popen([TORANA, "serve", "-c", str(config)], stderr=subprocess.PIPE, text=True, env=environ)
    assert process.stderr is not None
    found = re.search(r"http://([\d.]+):(\d+)", process.stderr.readline())
    assert found is not None
    address = (found[1], int(found[2]))
    while not asyncio.run(healthy(address)):
        time.sleep(0.005)
    milliseconds = (time.perf_counter() - started) * 1000
    # Its log lines are read and dropped, or it would wait for a reader.
    with subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL):
        try:
            yield Gateway(process, address, milliseconds)
        finally:
            process.terminate()
            process.wait(30)


async def healthy(address: tuple[str, int]) -> bool:
    """Whether it says that it is alive."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer.startswith(b"HTTP/1.1 200")


def request(token: str, picture: bytes) -> bytes:
    """A whole upload."""
    boundary = secrets.token_hex(16)
    text = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in (("model", "remote"), ("response_format", "b64_json"), ("size", "auto"))
    )
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    body = f"{text}{head}".encode() + picture + f"\r\n--{boundary}--\r\n".encode()
    return (
        f"POST /v1/images/variations HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\nAuthorization: Bearer {token}"
        f"\r\nContent-Type: multipart/form-data; boundary={boundary}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


async def upload(address: tuple[str, int], data: bytes, together: asyncio.Barrier) -> None:
    """One client: nearly all, a pause until all have come as far, the rest."""
    reader, writer = await asyncio.open_connection(*address)
    for start in range(0, len(data) - LAST, 65536):
        writer.write(data[start : min(start + 65536, len(data) - LAST)])
        await writer.drain()
    await together.wait()
    writer.write(data[-LAST:])
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200"), answer[:300]


async def measure(config: Path, token: str, port: int) -> dict[str, float]:
    """All figures."""
    server = await asyncio.start_server(upstream, "127.0.0.1", port, backlog=256)
    figures: dict[str, float] = {}
    loop = asyncio.get_running_loop()
    opened = gateway(config)
    served = await loop.run_in_executor(None, opened.__enter__)
    try:
        await asyncio.sleep(1)
        figures["idle_mib"] = idle = served.memory("VmRSS")
        figures["office_idle_mib"] = _memory(served.office, "VmRSS")
        for size in SIZES:
            data = request(token, noise(size))
            served.forget_peak()
            together = asyncio.Barrier(CLIENTS)
            await asyncio.gather(*(upload(served.address, data, together) for _ in range(CLIENTS)))
            figures[f"over_idle_mib_{CLIENTS}x{size}mb"] = served.memory("VmHWM") - idle
    finally:
        await loop.run_in_executor(None, opened.__exit__, None, None, None)
        server.close()
    return figures


def main() -> int:
    """Measure, and print a table or JSON."""
    with tempfile.TemporaryDirectory() as directory:
        port = 20_000 + os.getpid() % 20_000
        config = Path(directory) / "torana.yaml"
        config.write_text(CONFIG.format(directory=directory, port=port))
        minted = [TORANA, "token", "mint", "-c", str(config), "--subject", "bench"]
        environ = {**os.environ, "TORANA_JWT_SECRET": SECRET}
        token = subprocess.run(minted, env=environ, capture_output=True, text=True, check=True).stdout.strip()
        starts = []
        for _ in range(1 + STARTS):
            with gateway(config) as served:
                starts.append(served.milliseconds)
        del starts[0]
        figures = {"start_ms_median": statistics.median(starts), "start_ms_best": min(starts)}
        figures |= asyncio.run(measure(config, token, port))
    if "--json" in sys.argv:
        print(json.dumps(figures, indent=2))
    else:
        for name, value in figures.items():
            print(f"{name:28} {value:8.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
