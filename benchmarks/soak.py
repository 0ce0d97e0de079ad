"""A gateway among vendors that fail: every answer is checked, every submission counted, every leak looked for.

    python -m benchmarks.soak [--minutes 60] [--rate 1.5] [--callers 12] [--faults 0.2] [--seed 1] [--json FILE]

The gateway, its vendors and its callers are processes of their own. Of the calls to the vendors a share fails, in
every way that ``tests/e2e/faults.py`` knows. Ends with 1 when anything was not as it should be.
"""

import argparse
import asyncio
import base64
import io
import json
import math
import random
import re
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
from PIL import Image

from benchmarks.leaks import HELD, Sample, complaints, growth, leaks, sample, watch
from tests.e2e.colours import NUMBERS, colour, numbers, painted
from tests.e2e.faults import Entry
from tests.e2e.gateway import Gateway, serve, token
from tests.e2e.market import TARGETS, Market, market

ENGINE = "studio/patchwork"
MOST = {"gemini": 1, "recraft": 6, "fal": 4, "openai": 10, "bfl": 1}
"""Pictures of one submission."""
DEADLINE = 90
IDLE_SECONDS = 35
ACCOUNT = 'timeouts: {connect: 1s, first_byte: 3s, total: 8s}, poll: 200ms, download_hosts: ["127.0.0.1"]'
SLOW = 4.0
SIZES = ("256x256", "512x512", "512x256", "1024x1024", "auto")
FORMATS = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP"}
SELDOM = 0.1
"""Share of callers who hang up, and of those who send twice under one key."""
UPSTREAM_FAILURES = {429, 502, 504}
MOVED = 80
"""How far the engine may move a plain colour, of 255."""


def config(vendors: Market) -> str:
    """Models with all vendors and the engine behind them, in every order, and one for each vendor alone."""
    everyone = [*TARGETS.values(), ENGINE]

    def model(targets: Sequence[str], **settings: object) -> str:
        refs = ", ".join(f"{{target: {each}, weight: {int(each != ENGINE)}}}" for each in targets)
        told = "".join(f", {name}: {value}" for name, value in settings.items())
        return f"{{targets: [{refs}]{told}}}"

    models = {
        "dall-e-2": model(everyone),
        "by-weight": model(everyone, order="weight"),
        "fastest": model(everyone, order="latency"),
        "hedged": model([TARGETS["fal"], TARGETS["recraft"], ENGINE], hedge_after="1s"),
        **{f"only-{name}": model([target]) for name, target in TARGETS.items()},
    }
    return (
        f"server: {{deadline: {DEADLINE}s}}\nworkers: {{queue: 400}}\npictures: {{ttl: 60s}}\n"
        f"providers:\n  studio: {{type: local}}\n{vendors.accounts(ACCOUNT)}"
        "models:\n" + "".join(f"  {name}: {written}\n" for name, written in models.items())
    )


@dataclass(frozen=True)
class Ask:
    """A request, and what its caller will do."""

    number: int
    model: str
    n: int
    size: str
    as_url: bool
    output_format: str | None
    source: bytes
    seed: int | None = None
    hangs_up: float | None = None
    """Seconds after which its caller is gone."""
    key: str | None = None
    """Its Idempotency-Key: it is sent twice at once."""

    def form(self) -> aiohttp.FormData:
        """As it is sent."""
        form = aiohttp.FormData({"model": self.model, "n": str(self.n), "size": self.size})
        form.add_field("response_format", "url" if self.as_url else "b64_json")
        if self.output_format:
            form.add_field("output_format", self.output_format)
        if self.seed is not None:
            form.add_field("seed", str(self.seed))
        form.add_field("image", self.source, filename="picture", content_type="image/png")
        return form


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    document: Any
    pictures: list[bytes] = field(default_factory=list)


def asked(chance: random.Random, number: int, *, keys: bool) -> Ask:
    """A request such as might come."""
    models = ["dall-e-2"] * 4 + ["by-weight"] * 6 + ["fastest"] * 2 + ["hedged"] * 2
    form = chance.choice(["png", "jpeg", "webp"])
    sides = (chance.choice([64, 300, 512, 900]), chance.choice([64, 300, 512, 900]))
    return Ask(
        number=number,
        model=chance.choice([*models, *(f"only-{name}" for name in TARGETS)]),
        n=chance.choice([1, 1, 1, 2, 2, 3, 4, 7, 10]),
        size=chance.choice(SIZES),
        as_url=chance.choice([True, False]),
        output_format=chance.choice([None, None, *FORMATS]),
        seed=chance.choice([None, chance.randrange(1000)]),
        source=painted(number, number, sides, form),
        hangs_up=chance.uniform(0, 2) if chance.random() < SELDOM else None,
        key=f"key-{number}" if keys and chance.random() < SELDOM else None,
    )


class Soak:
    """The callers, and the book that they keep."""

    def __init__(self, gateway: Gateway, vendors: Market, chance: random.Random) -> None:
        self.gateway = gateway
        self.vendors = vendors
        self.chance = chance
        self.end = 0.0
        self.calls = 0
        self.violations: list[str] = []
        self.outcomes: Counter[str] = Counter()
        self.answerers: Counter[str] = Counter()
        self.seconds: list[float] = []
        self.entries: defaultdict[int, list[Entry]] = defaultdict(list)
        self.asks: dict[int, Ask] = {}
        self.short = 0
        self.lost: Counter[str] = Counter()
        self.keys = False

    async def run(self, seconds: float, callers: int, rate: float) -> None:
        """Calls until the time is over, and then waits for what is under way."""
        self.end = time.monotonic() + seconds
        timeout = aiohttp.ClientTimeout(total=DEADLINE + 10)
        headers = {"Authorization": f"Bearer {token(exp=int(time.time() + seconds) + 3600)}"}
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=5)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, headers=headers) as session:
            self.keys = await self._knows_keys(session)
            await asyncio.gather(*(self._caller(session, callers / rate) for _ in range(callers)))

    async def _knows_keys(self, session: aiohttp.ClientSession) -> bool:
        """Whether the gateway refuses another body under a key."""
        picture = painted(0, 0, (64, 64))
        one = Ask(0, "only-recraft", n=1, size="256x256", as_url=False, output_format=None, source=picture, key="probe")
        statuses = [(await self._answer(session, each)).status for each in (one, replace(one, n=2))]
        await asyncio.to_thread(self.vendors.entries, 0)
        return statuses[1] == HTTPStatus.UNPROCESSABLE_ENTITY

    async def _caller(self, session: aiohttp.ClientSession, pause: float) -> None:
        while time.monotonic() < self.end:
            await asyncio.sleep(self.chance.expovariate(1 / pause))
            self.calls += 1
            number = self.calls % (NUMBERS - 1)
            await self._call(session, asked(self.chance, number, keys=self.keys))

    async def _call(self, session: aiohttp.ClientSession, ask: Ask) -> None:
        started = time.monotonic()
        self.asks[ask.number] = ask
        work = asyncio.gather(*(self._answer(session, ask) for _ in range(2 if ask.key else 1)))
        try:
            async with asyncio.timeout(ask.hangs_up):
                answers = await work
        except TimeoutError:
            late = ask.hangs_up is None
            self.outcomes["no answer" if late else "hung up"] += 1
            if late:
                self.violations.append(f"{ask.number} {ask.model}: no answer within {DEADLINE + 10} s")
            return
        except (aiohttp.ClientError, OSError, ValueError) as error:
            self.outcomes["broken answer"] += 1
            self.violations.append(f"{ask.number} {ask.model}: {error!r}")
            return
        self.seconds.append(time.monotonic() - started)
        self.entries[ask.number] += await asyncio.to_thread(self.vendors.entries, ask.number)
        for answer in answers:
            self.outcomes[str(answer.status)] += 1
            self._judge(ask, answer)
        shown = {numbers(picture)[1] for answer in answers for picture in answer.pictures}
        for entry in self.entries[ask.number]:
            if entry.fault is None:
                self.lost[f"{entry.vendor}, {ask.model}"] += len({*entry.made} - shown)
        if len({tuple(answer.pictures) for answer in answers}) > 1:
            self._wrong(ask, "two answers under one key differ")

    async def _answer(self, session: aiohttp.ClientSession, ask: Ask) -> Answer:
        headers = {"Idempotency-Key": ask.key} if ask.key else {}
        url = f"{self.gateway.url}/v1/images/variations"
        async with session.post(url, data=ask.form(), headers=headers) as reply:
            answer = Answer(reply.status, reply.headers, json.loads(await reply.read()))
        for item in answer.document.get("data", ()):
            answer.pictures.append(
                await _fetched(session, item["url"]) if ask.as_url else base64.b64decode(item["b64_json"])
            )
        return answer

    def _wrong(self, ask: Ask, what: str) -> None:
        told = [f"{e.vendor}:{e.fault}" for e in self.entries[ask.number]]
        self.violations.append(f"{ask.number} {ask.model} n={ask.n} {ask.size} {ask.output_format}: {what} {told}")

    def _judge(self, ask: Ask, answer: Answer) -> None:
        if answer.status == HTTPStatus.OK:
            self._judge_pictures(ask, answer)
        else:
            self._judge_error(ask, answer)

    def _judge_pictures(self, ask: Ask, answer: Answer) -> None:
        target = answer.headers["x-torana-model"]
        self.answerers[target] += 1
        shortfall = int(answer.headers.get("x-torana-shortfall", "0"))
        self.short += shortfall > 0
        if not answer.pictures or len(answer.pictures) + shortfall != ask.n:
            self._wrong(ask, f"{len(answer.pictures)} pictures and a shortfall of {shortfall}")
        if not re.fullmatch(r"unknown|\d+(\.\d+)?", answer.headers.get("x-torana-cost", "")):
            self._wrong(ask, f"cost {answer.headers.get('x-torana-cost')!r}")
        made = {serial for e in self.entries[ask.number] if e.vendor == target.partition("/")[0] for serial in e.made}
        seen = set()
        for picture in answer.pictures:
            for what in _amiss(picture, ask, target):
                self._wrong(ask, f"{target}: {what}")
            upper, lower = numbers(picture)
            if target == ENGINE:
                continue
            if upper != ask.number or lower not in made or lower in seen:
                self._wrong(ask, f"{target}: a picture that is {upper}/{lower}, of {sorted(made)}")
            seen.add(lower)

    def _judge_error(self, ask: Ask, answer: Answer) -> None:
        entries = self.entries[ask.number]
        error = answer.document.get("error", {})
        faults = {e.fault for e in entries}
        told = f"{answer.status} {error.get('code')} {error.get('message')}"
        if error.keys() != {"message", "type", "param", "code"}:
            self._wrong(ask, f"an error of another shape: {answer.document}")
        if answer.status == HTTPStatus.BAD_REQUEST and error.get("code") == "moderation_blocked":
            if "moderated" not in faults:
                self._wrong(ask, "moderated by nobody")
        elif not ask.model.startswith("only-"):
            self._wrong(ask, f"{told}, with the engine at hand")
        elif answer.status not in UPSTREAM_FAILURES or error.get("code") == "overloaded":
            self._wrong(ask, told)
        elif answer.status == HTTPStatus.TOO_MANY_REQUESTS and not faults & {"rate_limited", "rate_limited_until"}:
            self._wrong(ask, f"{told}, although nobody asked to wait")
        if any(e.accepted for e in entries) and answer.headers.get("x-should-retry") != "false":
            self._wrong(ask, f"{told}, without x-should-retry: false")

    def settle(self) -> None:
        """What can only be told at the end: that no accepted work was submitted twice."""
        for number, entries in self.vendors.all_entries().items():
            self.entries[number] += entries
        for number, entries in self.entries.items():
            ask = self.asks.get(number)
            if ask is None:
                self.violations.append(f"{number}: submitted, and never asked for")
                continue
            for vendor, most in MOST.items():
                told = [e for e in entries if e.vendor == vendor and e.accepted]
                # Gemini is asked once more where it answered in words alone.
                repeats = sum(e.fault == "short" for e in told) if vendor == "gemini" else 0
                if len(told) - repeats > math.ceil(ask.n / most):
                    self._wrong(ask, f"{vendor} accepted {len(told)} submissions")
        self.violations += self.vendors.state["wrong"]


async def _fetched(session: aiohttp.ClientSession, url: str) -> bytes:
    async with session.get(url) as reply:
        if reply.status != HTTPStatus.OK:
            raise ValueError(f"a picture's link gave {reply.status}")
        return await reply.read()


def _amiss(picture: bytes, ask: Ask, target: str) -> list[str]:
    """What is wrong with a picture's format or size, and with the engine's colours."""
    with Image.open(io.BytesIO(picture)) as image:
        form, size, middle = image.format, f"{image.width}x{image.height}", image.convert("RGB").resize((1, 1))
    wrong = [f"format {form}"] if ask.output_format and form != FORMATS[ask.output_format] else []
    wrong += [f"size {size}"] if ask.size not in {size, "auto"} else []
    found = middle.getpixel((0, 0))
    assert isinstance(found, tuple)
    moved = max(abs(one - other) for one, other in zip(found, colour(ask.number), strict=True))
    return wrong + ([f"colour {found}"] if target == ENGINE and moved > MOVED else [])


async def soak(gateway: Gateway, vendors: Market, options: argparse.Namespace) -> tuple[Soak, dict[str, Any]]:
    """The whole run; what it found, and its figures."""
    run = Soak(gateway, vendors, random.Random(options.seed))  # noqa: S311 - repeatable chance is wanted
    samples: list[Sample] = []
    before = sample(gateway, 0)
    vendors.behave(rate=options.faults, slow=SLOW)
    watching = asyncio.create_task(watch(gateway, samples))
    await run.run(options.minutes * 60, options.callers, options.rate)
    watching.cancel()
    # Kept connections are let go by then.
    await asyncio.sleep(IDLE_SECONDS)
    after = sample(gateway, 0)
    run.settle()
    run.violations += leaks(gateway, samples, before, after) + complaints(gateway)
    if gateway.get("/readyz").status != HTTPStatus.OK:
        run.violations.append("not ready at the end")
    return run, figures(run, samples, before, after)


def figures(run: Soak, samples: Sequence[Sample], before: Sample, after: Sample) -> dict[str, Any]:
    """What was measured."""
    state = run.vendors.state
    seconds = sorted(run.seconds) or [0.0]
    held = {of: dict(zip(("first", "last", "an_hour"), growth(samples, of), strict=True)) for of in HELD}
    accepted = Counter(e.vendor for entries in run.entries.values() for e in entries if e.accepted)
    return {
        "calls": run.calls,
        "outcomes": dict(run.outcomes.most_common()),
        "answered_by": dict(run.answerers.most_common()),
        "short_replies": run.short,
        "made_and_lost": {name: lost for name, lost in run.lost.most_common() if lost},
        "vendor_requests": state["requests"],
        "vendor_faults": state["faults"],
        "accepted_submissions": dict(accepted),
        "taken_back": sum(e.cancelled for entries in run.entries.values() for e in entries),
        "retries": run.gateway.metric("torana_upstream_retries_total"),
        "failed_attempts": run.gateway.metric("torana_attempt_failures_total"),
        "keys": run.keys,
        "seconds_p50": seconds[len(seconds) // 2],
        "seconds_p95": seconds[int(len(seconds) * 0.95)],
        "seconds_max": seconds[-1],
        **held,
        "descriptors_idle": (before.descriptors, after.descriptors),
        "violations": run.violations,
    }


def main() -> int:
    """Soak, print a table and JSON; 1 for any violation."""
    parser = argparse.ArgumentParser(description="An hour of everything going wrong.")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=1.5, help="calls a second, of all callers together")
    parser.add_argument("--callers", type=int, default=12)
    parser.add_argument("--faults", type=float, default=0.2, help="share of the vendors' replies that are faults")
    parser.add_argument("--seed", type=int, default=1, help="of what is asked for; the faults are never the same")
    parser.add_argument("--log", type=Path, help="a file for the gateway's log")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as directory,
        market() as vendors,
        serve(Path(directory), config(vendors), vendors.environ) as gateway,
    ):
        run, told = asyncio.run(soak(gateway, vendors, options))
        if options.log:
            options.log.write_text(gateway.log)
    for name, value in told.items():
        if name != "violations":
            print(f"{name:22} {value}")
    for violation in run.violations:
        print(f"VIOLATION {violation}")
    if options.json:
        options.json.write_text(json.dumps(told, indent=2))
    return 1 if run.violations else 0


if __name__ == "__main__":
    sys.exit(main())
