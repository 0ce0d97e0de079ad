"""What a call costs in this gateway, beside what it costs in nginx.

    python -m benchmarks.gateway.bench [--only chat,var10k] [--seconds 3] [--rounds 3] [--quick] [--peers] [--profile]

The gateways run on core 0, the load and the upstream on core 1. Rounds take turns: nginx, Torana, nginx, Torana.
See README.md beside this file.
"""

import argparse
import fcntl
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.gateway.driving import Round, Unable, Upstream, Watch, check, load, median, profile
from benchmarks.gateway.machine import BUILD, GATEWAY_CORE, memory, need
from benchmarks.gateway.peers import peers
from benchmarks.gateway.report import (
    OURS,
    Figures,
    Footprint,
    about,
    against_table,
    document,
    footprint_table,
    heading,
    works_table,
)
from benchmarks.gateway.targets import Nginx, Running, Target, Torana, run
from benchmarks.gateway.wider import growth, idle_streams
from benchmarks.gateway.works import MEMORY, WORKS, Work

_STARTS = 3
_QUICK = ("chat", "stream", "var10k")
_SETTLE_SECONDS = 1.5


@contextmanager
def alone() -> Iterator[None]:
    """Only one benchmark at a time in this checkout: others wait."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _core(wanted: argparse.Namespace) -> str | None:
    return GATEWAY_CORE if wanted.cores == 1 else None


def footprint(target: Target, upstream: Upstream, only: Sequence[Work], seconds: int) -> Footprint:
    """Starts a gateway several times, and measures the memory of the last one, first idle, then under uploads."""
    starts = []
    for left in reversed(range(_STARTS)):
        running = run(target, WORKS[0])
        starts.append(running.seconds)
        if left:
            running.stop()
    try:
        time.sleep(_SETTLE_SECONDS)
        idle, tree = memory(running.pid)
        figures = Footprint(statistics.median(starts), idle, tree, memory(running.pid, "Rss")[0])
        for work in only:
            if target.address(work) is None:
                continue
            try:
                check(target, work, upstream)
                with Watch(running.pid) as watch:
                    load(running, work, upstream, max(work.seconds, seconds))
            except Unable as why:
                if target.name in OURS:
                    raise
                print(why, file=sys.stderr)
                continue
            figures.peaks[work.name] = (watch.first, watch.whole)
            time.sleep(_SETTLE_SECONDS)
            figures.after[work.name] = memory(running.pid)
    finally:
        running.stop()
    return figures


def in_turns(
    gateways: Sequence[Running], work: Work, upstream: Upstream, rounds: int, seconds: int
) -> dict[str, Round | str]:
    """Each gateway's median, or why it has none; every one has been warmed up, and has its turn in every round.

    A peer that cannot do a work is left out of it. Unable for nginx and ourselves.
    """
    unable: dict[str, str] = {}
    able = [each for each in gateways if each.target.address(work) is not None]
    taken: dict[str, list[Round]] = {each.target.name: [] for each in able}
    for number in range(rounds + 1):
        for each in tuple(able):
            try:
                if number:
                    taken[each.target.name].append(load(each, work, upstream, seconds))
                else:
                    check(each.target, work, upstream)
                    load(each, work, upstream, 1)
            except Unable as why:
                if each.target.name in OURS:
                    raise
                print(why, file=sys.stderr)
                unable[each.target.name] = str(why)
                able.remove(each)
    return {each.target.name: median(taken[each.target.name]) for each in able} | unable


def measure(targets: Sequence[Target], upstream: Upstream, wanted: argparse.Namespace) -> dict[str, Figures]:
    """All figures of all gateways."""
    figures = {target.name: Figures() for target in targets}
    uploads = [work for work in MEMORY if not wanted.only or work.name in wanted.only]
    if wanted.cores == 1 and (uploads or "idle" in wanted.only or not wanted.only):
        for target in targets:
            print(f"{target.name}: start and memory", file=sys.stderr)
            figures[target.name].footprint = footprint(target, upstream, uploads, wanted.seconds)
    works = [work for work in WORKS if not wanted.only or work.name in wanted.only]
    gateways: list[Running] = []
    try:
        for target in targets if works else ():
            gateways.append(run(target, WORKS[0], core=_core(wanted)))  # noqa: PERF401 - those that run are stopped if the next does not
        for work in works:
            print(f"{work.told}", file=sys.stderr)
            for name, found in in_turns(gateways, work, upstream, wanted.rounds, wanted.seconds).items():
                if isinstance(found, str):
                    figures[name].unable[work.name] = found
                else:
                    figures[name].rounds[work.name] = found
            for each in gateways:
                address = each.target.address(work)
                figures[each.target.name].stand_ins[work.name] = (
                    f" ({address.told})" if address and address.told else ""
                )
                if wanted.profile and each.target.name == "torana":
                    print(profile(each, work, upstream, wanted.seconds, BUILD / "profiles"), file=sys.stderr)
    finally:
        for each in gateways:
            each.stop()
    return figures


def arguments() -> argparse.Namespace:
    """What the user wants."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [work.name for work in (*WORKS, *MEMORY)]
    told = f"of {','.join(names)},idle; all"
    parser.add_argument("--only", type=lambda text: text.split(","), default=[], help=f"works, with commas ({told})")
    parser.add_argument("--seconds", type=int, default=3, help="length of a round (3)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each gateway (3)")
    parser.add_argument("--json", type=Path, default=BUILD / "bench.json", metavar="FILE", help="where figures go")
    parser.add_argument("--peers", action="store_true", help="other gateways too, installed under build/peers")
    parser.add_argument("--profile", action="store_true", help="a py-spy profile of each work, where it is installed")
    parser.add_argument("--quick", action="store_true", help="a first look: one round of one second, three works")
    parser.add_argument("--growth", action="store_true", help="instead: chat's cost with more models, rules, issuers")
    parser.add_argument(
        "--idle-streams", type=lambda text: [int(one) for one in text.split(",")], default=[], metavar="1,1000,5000",
        help="instead: what so many idle streams hold and cost",
    )  # fmt: skip
    parser.add_argument("--cores", type=int, default=1, help="processes of nginx and Torana, then not pinned (1)")
    wanted = parser.parse_args()
    if wanted.quick:
        wanted.rounds, wanted.seconds, wanted.only = 1, 1, wanted.only or list(_QUICK)
    unknown = set(wanted.only) - {*names, "idle"}
    if unknown:
        parser.error(f"no such work: {', '.join(sorted(unknown))} ({told})")
    return wanted


def _wider(upstream: Upstream, wanted: argparse.Namespace) -> str:
    parts = [growth(upstream, wanted.rounds, wanted.seconds)] if wanted.growth else []
    if wanted.idle_streams:
        parts.append(idle_streams(upstream, wanted.idle_streams, wanted.rounds, wanted.seconds))
    return "\n".join(parts)


def main() -> int:
    """Measure, print the tables, write the JSON."""
    wanted = arguments()
    need("gcc", "wrk", "nginx", "taskset")
    with alone():
        told = about()
        others = peers() if wanted.peers else []
        upstream = Upstream()
        try:
            if wanted.growth or wanted.idle_streams:
                print(heading(told))
                print(_wider(upstream, wanted))
                return 0
            processes = wanted.cores
            targets: list[Target] = [
                Nginx(upstream.port, processes=processes),
                Torana(upstream.port, processes=processes),
            ]
            targets += [peer(upstream.port) for peer in others]
            figures = measure(targets, upstream, wanted)
        except Unable as why:
            sys.exit(str(why))
        finally:
            upstream.stop()
    if wanted.cores > 1:
        told_of_cores = "on no core of their own: the load and the upstream take their share. No budget."
        print(f"{wanted.cores} processes each, {told_of_cores}\n")
    print("\n".join([heading(told), works_table(figures), footprint_table(figures)]))
    if others:
        print(against_table(figures))
    wanted.json.parent.mkdir(parents=True, exist_ok=True)
    wanted.json.write_text(document(told, figures))
    print(f"JSON: {wanted.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
