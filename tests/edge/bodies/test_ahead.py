"""Pictures that go on to their target while they come in, over a real connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.edge.bodies.test_uploads import cut, sending
from tests.edge.gate import BOUNDARY, MADE, PATH, Answer, Client, Gate, connected, form, gate, head
from tests.media.samples import chunk, encoded, picture, png_header
from torana.config.model import Settings, Uploads
from torana.config.units import Seconds
from torana.core.clock import FakeClock
from torana.core.errors import InvalidRequest, UpstreamError
from torana.core.exchange import HERE, Context, Misled, Reply, Target, Usage
from torana.edge.bodies.ahead import Beginning, Habits
from torana.edge.bodies.uploads import FormReader
from torana.edge.exchange import Exchange, Message
from torana.families.images import EDITS, ImageRequest, Pictures
from torana.media.probe import probe
from torana.storage.spool import Spool

HEAD = png_header(500, 400)
PIXELS = chunk(b"IDAT", b"\1" * 60_000)
END = chunk(b"IEND")
PNG = HEAD + PIXELS * 5 + END
HALF = len(PNG) // 2
STEP = 30_000
MODEL = {"model": "vary"}
BETWEEN = f"\r\n--{BOUNDARY}\r\nContent-Disposition: ".encode()
BODY = form(MODEL, [("image", PNG)])
LATE_N = form(MODEL, [("image", PNG)])[: -len(f"--{BOUNDARY}--\r\n")]
LATE_N += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="n"\r\n\r\n2\r\n--{BOUNDARY}--\r\n'.encode()


@dataclass
class Painter:
    """A target that reads its source as it comes, and tells what it saw."""

    seen: list[bytes] = field(default_factory=list)
    """What was read of the source, at each attempt."""
    asked: list[ImageRequest] = field(default_factory=list)
    early: list[bool] = field(default_factory=list)
    """Whether more was to come when it was asked."""
    has_some: asyncio.Event = field(default_factory=asyncio.Event)
    ended: list[type[BaseException] | None] = field(default_factory=list)

    async def paint(self, request: ImageRequest, context: Context) -> Reply[Pictures]:
        self.asked.append(request)
        self.early.append(not context.coming.is_here)
        self.seen.append(b"")
        number = len(self.seen) - 1
        try:
            async for piece in request.images[0].chunks():
                self.seen[number] += piece
                self.has_some.set()
        except BaseException as error:
            self.ended.append(type(error))
            raise
        self.ended.append(None)
        return answered(request)


async def never(message: Message) -> None:
    raise AssertionError(message)


def answered(request: ImageRequest) -> Reply[Pictures]:
    return Reply(Pictures(1_800_000_000, (MADE,) * request.n), usage=Usage(images=request.n))


@dataclass
class Door:
    """A gateway, and a client that sends as the test wants."""

    gate: Gate
    client: Client

    async def begin(self, body: bytes, sent: int, **headers: str | int | None) -> None:
        told: dict[str, Any] = {
            "authorization": self.gate.token(),
            "content_type": f"multipart/form-data; boundary={BOUNDARY}",
            "content_length": len(body),
        }
        await self.client.send(head("POST", PATH, **(told | headers)))
        await self.send(body[:sent])

    async def send(self, data: bytes) -> None:
        """No faster than it is read."""
        for start in range(0, len(data), STEP):
            await self.client.send(data[start : start + STEP])
            await asyncio.sleep(0.001)

    async def told(self, body: bytes, pause: asyncio.Event, sent: int = HALF) -> Answer:
        """The answer to a body of which the rest comes when something has happened."""
        await self.begin(body, sent)
        await asyncio.wait_for(pause.wait(), 5)
        await self.client.send(body[sent:])
        return await self.client.answer()


@asynccontextmanager
async def opened(directory: Path, paint: Any, uploads: Uploads | None = None, **members: Any) -> AsyncIterator[Door]:
    settings = Settings(uploads=uploads or Uploads())
    async with gate(directory, settings, paint=paint, **members) as there, connected(there.port) as client:
        yield Door(there, client)


async def test_a_picture_is_read_while_it_comes(tmp_path: Path) -> None:
    painter = Painter()
    async with opened(tmp_path, painter.paint) as door:
        answer = await door.told(form(MODEL, [("image", PNG)]), painter.has_some)
    assert answer.status == 200
    assert painter.seen == [PNG]
    assert painter.early == [True]


async def test_all_that_need_it_whole_wait_for_it(tmp_path: Path) -> None:
    asked = asyncio.Event()

    async def paint(request: ImageRequest, context: Context) -> Reply[Pictures]:
        asked.set()
        await context.coming.arrived()
        assert b"".join(request.images[0].at_hand() or ()) == PNG
        return answered(request)

    async with opened(tmp_path, paint) as door:
        assert (await door.told(form(MODEL, [("image", PNG)]), asked)).status == 200


async def test_nobody_is_answered_before_all_he_sent_is_there(tmp_path: Path) -> None:
    asked = asyncio.Event()

    async def paint(request: ImageRequest, _context: Context) -> Reply[Pictures]:
        asked.set()
        return answered(request)

    async with opened(tmp_path, paint) as door:
        await door.begin(LATE_N, HALF)
        await asked.wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(door.client.reader.read(1), 0.05)
        await door.client.send(LATE_N[HALF:])
        answer = await door.client.answer()
        assert len(answer.json["data"]) == 2


async def test_what_follows_the_picture_counts_and_nothing_is_done_twice(tmp_path: Path) -> None:
    painter = Painter()
    async with opened(tmp_path, painter.paint) as door:
        answer = await door.told(LATE_N, painter.has_some)
        again = await door.told(LATE_N, painter.has_some)
    assert [len(each.json["data"]) for each in (answer, again)] == [2, 2]
    assert [request.n for request in painter.asked] == [1, 2, 2]
    assert painter.ended == [Misled, None, None]
    assert len(painter.seen[0]) < len(PNG)
    # Who writes his forms so is not read ahead again.
    assert painter.early == [True, False, False]


async def test_words_behind_the_pixels_are_never_given_out(tmp_path: Path) -> None:
    words = b"where I live" * 1_000
    telling = HEAD + PIXELS * 5 + chunk(b"tEXt", b"Comment\0" + words) + END
    painter = Painter()
    async with opened(tmp_path, painter.paint) as door:
        answer = await door.told(form(MODEL, [("image", telling)]), painter.has_some)
    assert answer.status == 200
    assert painter.ended == [Misled, None]
    assert b"where" not in painter.seen[0]
    assert [request.images[0].info.bare for request in painter.asked] == [True, False]


async def test_a_picture_that_turns_out_bad_is_the_callers_to_mend(tmp_path: Path) -> None:
    painter = Painter()
    async with opened(tmp_path, painter.paint) as door:
        answer = await door.told(form(MODEL, [("image", PNG[:-12])]), painter.has_some)
    assert (answer.status, answer.error["code"], answer.error["param"]) == (400, "image_parse_error", "image")
    assert painter.ended == [Misled]


async def test_a_client_who_leaves_ends_the_work(tmp_path: Path) -> None:
    painter = Painter()
    async with opened(tmp_path, painter.paint) as door:
        await door.begin(form(MODEL, [("image", PNG)]), HALF)
        await painter.has_some.wait()
        door.client.leave()
        event = await door.gate.log.event()
        assert event["status"] == 499
        assert painter.ended == [Misled]
        assert door.gate.lent == 0


async def test_who_is_slow_holds_no_target(tmp_path: Path) -> None:
    painter = Painter()
    late = asyncio.Event()

    async def paint(request: ImageRequest, context: Context) -> Reply[Pictures]:
        try:
            return await painter.paint(request, context)
        except Misled:
            late.set()
            raise

    body = form(MODEL, [("image", PNG)])
    async with opened(tmp_path, paint, Uploads(ahead=Seconds(0.02))) as door:
        assert (await door.told(body, late)).status == 200
        assert painter.early == [True, False]
        assert painter.seen[1] == PNG
        # It says nothing of how he writes his forms.
        painter.has_some.clear()
        assert (await door.told(body, painter.has_some)).status == 200
        assert painter.early[2]


async def test_a_second_target_reads_from_the_start(tmp_path: Path) -> None:
    painter = Painter()
    failed = asyncio.Event()

    async def paint(request: ImageRequest, context: Context) -> Reply[Pictures]:
        if not failed.is_set():
            await anext(aiter(request.images[0].chunks()))
            failed.set()
            raise UpstreamError("It broke.")
        return await painter.paint(request, context)

    async with opened(tmp_path, paint, fallback=Target("lab", "other")) as door:
        answer = await door.told(form(MODEL, [("image", PNG)]), painter.has_some)
    assert answer.status == 200
    assert painter.seen == [PNG]
    assert painter.early == [True]


async def test_what_is_refused_for_want_of_something_may_still_come(tmp_path: Path) -> None:
    refused = asyncio.Event()

    async def paint(request: ImageRequest, _context: Context) -> Reply[Pictures]:
        if request.n == 1:
            refused.set()
            raise InvalidRequest("One is too few.", param="n")
        return answered(request)

    async with opened(tmp_path, paint) as door:
        answer = await door.told(form(MODEL, [("image", PNG)]), refused)
        assert (answer.status, answer.error["param"]) == (400, "n")
        refused.clear()
        assert (await door.told(LATE_N, refused)).status == 200


async def test_who_may_not_is_told_so_at_once(tmp_path: Path) -> None:
    async with opened(tmp_path, Painter().paint) as door:
        await door.begin(form({"model": "other"}, [("image", PNG)]), HALF)
        assert (await door.client.answer()).status == 404


SMALL = HEAD + chunk(b"IDAT", b"\1" * 9_000) + END


@pytest.mark.parametrize(
    ("body", "uploads"),
    [
        (form(MODEL, [("image", PNG)]), Uploads(ahead=Seconds(0))),
        (form(MODEL, [("image", encoded(picture().resize((900, 700)), "JPEG", quality=100) + bytes(300_000))]), None),
        (form(MODEL, [("image", HEAD + chunk(b"tEXt", b"a\0b") + PIXELS * 5 + END)]), None),
        (form(MODEL, [("image", SMALL)]), None),
        (form({"n": "2"}, [("image", PNG)])[: -len(f"--{BOUNDARY}--\r\n")] + form(MODEL, []), None),
    ],
    ids=["not wanted", "jpeg", "telling", "small", "no model yet"],
)
async def test_others_are_whole_before_they_are_asked_for(tmp_path: Path, body: bytes, uploads: Uploads | None) -> None:
    painter = Painter()
    async with opened(tmp_path, painter.paint, uploads) as door:
        sent = min(HALF, len(body) - 10)
        await door.begin(body, sent)
        await asyncio.sleep(0.05)
        assert painter.early == []
        await door.client.send(body[sent:])
        await door.client.answer()
        assert True not in painter.early


@pytest.mark.parametrize(("step", "is_early"), [(100_000, False), (60_000, True)], ids=["fast", "slow"])
async def test_who_is_faster_than_we_are_is_read_to_his_end(tmp_path: Path, step: int, is_early: bool) -> None:
    scope = {
        "headers": [
            (b"content-type", f"multipart/form-data; boundary={BOUNDARY}".encode()),
            (b"content-length", str(len(BODY)).encode()),
        ],
        "method": "POST",
        "path": PATH,
        "query_string": b"",
        "scheme": "http",
    }
    exchange = Exchange(
        scope, sending(cut(BODY, *range(step, len(BODY), step))), never, clock=FakeClock(), limits=Uploads()
    )
    reader = FormReader(Uploads(), Spool(tmp_path, 10**6), probe, FakeClock())
    async with reader.open(exchange, frozenset({"image"})) as body:
        taken = await body.beginning(lambda form: form.files[0][1].size)
        assert taken == (len(PNG) if is_early else None)
        assert body.coming.is_here is not is_early
        whole = await body.whole()
        assert [file.size for _, file in whole.files] == [len(PNG)]
        assert body.coming is HERE


async def test_a_body_of_unknown_length_is_read_whole(tmp_path: Path) -> None:
    painter = Painter()
    body = form(MODEL, [("image", PNG)])
    async with opened(tmp_path, painter.paint) as door:
        await door.begin(b"", 0, content_length=None, transfer_encoding="chunked")
        await door.send(b"%x\r\n" % HALF + body[:HALF] + b"\r\n")
        await asyncio.sleep(0.05)
        await door.client.send(b"%x\r\n" % (len(body) - HALF) + body[HALF:] + b"\r\n0\r\n\r\n")
        assert (await door.client.answer()).status == 200
    assert painter.early == [False]


async def test_an_edits_mask_comes_behind_its_picture(tmp_path: Path) -> None:
    painter = Painter()
    body = form({**MODEL, "prompt": "more"}, [("image", PNG), ("mask", PNG)])
    async with opened(tmp_path, painter.paint, families=(EDITS,)) as door:
        told = {"authorization": door.gate.token(), "content_type": f"multipart/form-data; boundary={BOUNDARY}"}
        await door.client.send(head("POST", "/v1/images/edits", **told, content_length=len(body)))
        await door.send(body[:HALF])
        await painter.has_some.wait()
        await door.client.send(body[HALF:])
        assert (await door.client.answer()).status == 200
    assert [request.mask is None for request in painter.asked] == [True, False]


def test_beginnings_are_alike_by_their_names_and_forgotten_after_a_while() -> None:
    habits, other = Habits(), Beginning(["model"], "mask")
    assert not habits.misleads(Beginning(["model", "n"], "image"))
    habits.note(Beginning(["model", "n"], "image"))
    assert not habits.misleads(other)
    left = 0
    while habits.misleads(Beginning(["model", "n"], "image")):
        left += 1
    assert left == 64
    for number in range(1000):
        habits.note(Beginning([str(number)], "image"))
    assert not habits.misleads(Beginning(["0"], "image"))
    assert habits.misleads(Beginning(["999"], "image"))


async def test_a_call_that_was_read_whole_has_nothing_coming(tmp_path: Path) -> None:
    coming = []

    async def paint(request: ImageRequest, context: Context) -> Reply[Pictures]:
        coming.append(context.coming)
        return answered(request)

    async with gate(tmp_path, paint=paint) as there:
        await there.ask(there.post())
    assert coming == [HERE]
