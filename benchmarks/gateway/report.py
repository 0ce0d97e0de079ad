"""What was measured, as a table for people and as JSON."""

import json
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.gateway.driving import Round
from benchmarks.gateway.machine import ROOT
from benchmarks.gateway.works import IDLE_GOAL, LATENCY_GOAL, PEAK_GOAL, START_GOAL, WORKS

OURS = frozenset({"nginx", "torana"})
"""Those that the others are measured by."""
_UNKNOWN = float("nan")
_PARTS = ("torana", "uvicorn", "uvloop", "httptools", "msgspec", "multipart", "aiohttp")


@dataclass(slots=True)
class Footprint:
    """Seconds to the first answer; MiB (PSS) of the gateway's first process and of its whole tree."""

    start: float
    idle: float
    idle_tree: float
    idle_rss: float
    peaks: dict[str, tuple[float, float]] = field(default_factory=dict)
    after: dict[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(slots=True)
class Figures:
    """All of one gateway. ``stand_ins`` says which works were done over another route."""

    rounds: dict[str, Round] = field(default_factory=dict)
    unable: dict[str, str] = field(default_factory=dict)
    """Why a work was not done."""
    footprint: Footprint | None = None
    stand_ins: dict[str, str] = field(default_factory=dict)


def about() -> dict[str, object]:
    """What was measured, when, and on what."""
    cpu = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    return {
        "commit": _said("git", "rev-parse", "HEAD"),
        "changed": bool(_said("git", "status", "--porcelain", "--untracked-files=all", "src")),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cpu": cpu, "cores": len(_cores()), "kernel": platform.release()},
        "versions": {"python": platform.python_version(), **{part: version(part) for part in _PARTS}},
        "load_before": Path("/proc/loadavg").read_text().split()[0],
    }


def _cores() -> set[int]:
    text = Path("/proc/cpuinfo").read_text()
    return {int(line.split(":")[1]) for line in text.splitlines() if line.startswith("processor")}


def _said(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def document(told: Mapping[str, object], all_figures: Mapping[str, Figures]) -> str:
    """JSON of everything."""
    return json.dumps({**told, "targets": {name: asdict(each) for name, each in all_figures.items()}}, indent=2)


def heading(told: Mapping[str, object]) -> str:
    """What the tables are of."""
    changed = ", with changes that are not committed" if told["changed"] else ""
    machine = told["machine"]
    return f"Commit {str(told['commit'])[:12]}{changed}; {told['date']}; {machine}; {told['versions']}\n"


def works_table(all_figures: Mapping[str, Figures]) -> str:
    """A row for each work and gateway: CPU time, its ratio to nginx's, the goal and whether it is met."""
    rows = [
        "| work | gateway | CPU us/request | gateway + books | ratio to nginx | goal | RPS | p50 ms | p99 ms |",
        "|---|---|---:|---:|---:|---|---:|---:|---:|",
    ]
    for work in WORKS:
        limit = all_figures["nginx"].rounds.get(work.name)
        for name, figures in all_figures.items():
            found = figures.rounds.get(work.name)
            if work.name in figures.unable:
                rows.append(f"| {work.told} | {name} | no answer | | | | | | |")
            if found is None or limit is None:
                continue
            ratio = limit.cpu / found.cpu
            goal = ""
            if name == "torana" and work.goal is not None:
                goal = _judged(ratio >= work.goal, f">= {work.goal:.2f}")
            if name == "torana" and work.name == "chat_c1":
                goal = _judged(found.p50 <= LATENCY_GOAL * limit.p50, f"p50 <= {LATENCY_GOAL * limit.p50:.2f} ms")
            rows.append(
                f"| {work.told} | {name}{figures.stand_ins.get(work.name, '')} | {found.cpu:,.1f} "
                f"| {found.serving:,.1f} + {found.books:,.1f} | {ratio:.2f} | {goal} | {found.rps:,.0f} "
                f"| {found.p50:.2f} | {found.p99:.2f} |"
            )
    return "\n".join(rows) + "\n"


def _judged(is_met: bool, goal: str) -> str:  # noqa: FBT001 - the verdict is what it is about
    return f"{goal} {'met' if is_met else '**not met**'}"


def footprint_table(all_figures: Mapping[str, Figures]) -> str:
    """Start and memory."""
    rows = [
        "| MiB of PSS: first process / tree | start s | idle | idle RSS | 64 x 4 MB | after | 64 x 16 MB | after |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, figures in all_figures.items():
        had = figures.footprint
        if had is None:
            continue
        uploads = [_pair(told.get(work)) for work in ("mem4m", "mem16m") for told in (had.peaks, had.after)]
        rows.append(
            f"| {name} | {had.start:.2f} | {_pair((had.idle, had.idle_tree))} | {had.idle_rss:.0f} "
            f"| {' | '.join(uploads)} |"
        )
    ours = all_figures["torana"].footprint
    if ours is not None:
        peaks = [ours.peaks.get(work, (_UNKNOWN, 0.0))[0] for work in ("mem4m", "mem16m")]
        rows.append(
            f"| goals, of the gateway's process | {_judged(ours.start <= START_GOAL, f'<= {START_GOAL}')} "
            f"| {_judged(ours.idle <= IDLE_GOAL, f'<= {IDLE_GOAL:.0f}')} | "
            f"| {_judged(peaks[0] <= PEAK_GOAL, f'<= {PEAK_GOAL:.0f}')} | "
            f"| {_judged(peaks[1] <= PEAK_GOAL, f'<= {PEAK_GOAL:.0f}')} | |"
        )
    return "\n".join(rows) + "\n"


def _pair(pair: tuple[float, float] | None) -> str:
    return "-" if pair is None else f"{pair[0]:.0f} / {pair[1]:.0f}"


def against_table(all_figures: Mapping[str, Figures]) -> str:
    """How many times this gateway is ahead of each peer: by requests a second, and by CPU time."""
    ours = all_figures["torana"].rounds
    rows = ["| Torana : peer | " + " | ".join(work.name for work in WORKS) + " |", "|---|" + "---:|" * len(WORKS)]
    for name, figures in all_figures.items():
        if name in OURS:
            continue
        cells = [_against(ours.get(work.name), figures, work.name) for work in WORKS]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _against(mine: Round | None, figures: Figures, work: str) -> str:
    other = figures.rounds.get(work)
    if mine is None or other is None:
        return "no answer" if work in figures.unable else "-"
    return f"{mine.rps / other.rps:.2f}x RPS, {other.cpu / mine.cpu:.2f}x CPU"
