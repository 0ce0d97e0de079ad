"""What a gateway holds while it is called, and what it keeps afterwards: memory, descriptors, uploads, traces."""

import asyncio
import json
import re
import statistics
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.gateway import Gateway

HELD = ("gateway", "workers", "descriptors")


@dataclass(frozen=True)
class Sample:
    """What the gateway held at one moment."""

    at: float
    """Seconds since the start."""
    gateway: float
    """MiB."""
    workers: float
    """MiB."""
    descriptors: int


def sample(gateway: Gateway, started: float) -> Sample:
    """What the gateway holds now."""
    workers = gateway.workers
    return Sample(
        time.monotonic() - started,
        _resident(gateway.process.pid),
        sum(map(_resident, workers)),
        int(gateway.metric("process_open_fds")),
    )


def _resident(pid: int) -> float:
    with suppress(FileNotFoundError, ProcessLookupError):
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
        return int(found[1]) / 1024 if found else 0.0
    return 0.0


async def watch(gateway: Gateway, samples: list[Sample]) -> None:
    """Samples until cancelled."""
    started = time.monotonic()
    while True:
        samples.append(await asyncio.to_thread(sample, gateway, started))
        await asyncio.sleep(5)


def growth(samples: Sequence[Sample], of: str) -> tuple[float, float, float]:
    """Medians of the first and the last third after warm-up, and the slope in units an hour."""
    warm = [each for each in samples if each.at >= 0.2 * samples[-1].at]
    values = [float(getattr(each, of)) for each in warm]
    third = max(1, len(values) // 3)
    slope = statistics.linear_regression([each.at for each in warm], values).slope if len(warm) > 1 else 0.0
    return statistics.median(values[:third]), statistics.median(values[-third:]), slope * 3600


def leaks(gateway: Gateway, samples: Sequence[Sample], before: Sample, after: Sample) -> list[str]:
    """What has grown, or was left behind."""
    found = []
    for of, spare in (("gateway", 24.0), ("workers", 64.0), ("descriptors", 64.0)):
        first, last, slope = growth(samples, of)
        if last > first * 1.15 + spare:
            found.append(f"{of} grew from {first:.0f} to {last:.0f}, {slope:+.0f} an hour")
    if after.descriptors > before.descriptors + 8:
        found.append(f"{after.descriptors} descriptors when idle, {before.descriptors} before")
    if gateway.metric("http_server_active_requests") > 1:
        found.append("requests are still in flight")
    spooled = list((gateway.directory / "torana-data" / "spool").iterdir())
    return found + ([f"{len(spooled)} uploads are still there"] if spooled else [])


def complaints(gateway: Gateway) -> list[str]:
    """Lines of the log that tell of something nobody foresaw."""
    written = gateway.log.splitlines()
    lines = [json.loads(line) for line in written if line.startswith("{")]
    strange = [line for line in lines if "trace" in line or line["event"] in {"unexpected", "log", "worker_replaced"}]
    loose = [line for line in written if "Traceback" in line and not line.startswith("{")]
    return [f"log: {line[:2000]}" for line in (*map(json.dumps, strange), *loose)]
