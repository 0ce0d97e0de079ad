import asyncio
import random
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import chain, pairwise
from pathlib import Path
from typing import BinaryIO

import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from torana.config.model import Uploads
from torana.config.units import Bytes, Seconds
from torana.core.clock import FakeClock
from torana.core.content import PictureInfo, Size
from torana.core.errors import InvalidImage, InvalidRequest, TooLarge, ToranaError, WorkFailed
from torana.edge.bodies.parts import Probe
from torana.edge.bodies.uploads import FormReader
from torana.edge.exchange import ClientGone, Exchange, Message, Receive
from torana.families.base import Form
from torana.storage.spool import Spool

B = "a-boundary"
LIMITS = Uploads()
INFO = PictureInfo("png", Size(3, 2))
PICTURE = b"PIC...END"


def fake_probe(file: BinaryIO, *, max_pixels: int) -> PictureInfo:
    """Pictures begin with PIC and end with END; of a BOMB, the head says enough."""
    data = file.read()
    if not data:
        raise InvalidImage("The image file is empty.", code="empty_image_file")
    if data.startswith(b"BOMB"):
        raise InvalidImage(f"More than {max_pixels} pixels.", code="image_too_large")
    if not data.startswith(b"PIC"):
        raise InvalidImage("No picture.", code="invalid_image_format")
    if not data.endswith(b"END"):
        raise InvalidImage("The picture stops part-way.", code="image_parse_error")
    return INFO


def part(name: str, data: bytes | str, filename: str | None = None, *more: str) -> bytes:
    label = "" if filename is None else f'; filename="{filename}"'
    lines = [f'Content-Disposition: form-data; name="{name}"{label}', *more]
    return (
        "\r\n".join([f"--{B}", *lines, "", ""]).encode()
        + (data if isinstance(data, bytes) else data.encode())
        + b"\r\n"
    )


def body(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{B}--\r\n".encode()


def picture(size: int) -> bytes:
    return b"PIC" + random.Random(size).randbytes(size - 6) + b"END"


def cut(data: bytes, *places: int) -> list[bytes]:
    edges = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def sending(pieces: Iterable[bytes], last: bytes = b"") -> Receive:
    """A client that sends a body so, of which all but ``last`` has more to come, and then hangs up."""
    messages = chain(
        ({"type": "http.request", "body": piece, "more_body": True} for piece in pieces),
        [{"type": "http.request", "body": last, "more_body": False}],
    )

    async def receive() -> Message:
        return next(messages, {"type": "http.disconnect"})

    return receive


@dataclass
class Door:
    """A form reader, and what an exchange with it needs."""

    directory: Path
    limits: Uploads = LIMITS
    clock: FakeClock = field(default_factory=FakeClock)

    make_spool: Callable[[Path, int], Spool] = Spool
    probe: Probe = fake_probe

    @asynccontextmanager
    async def form(
        self,
        sent: bytes | Sequence[bytes] | Receive,
        *,
        content_type: str | None = f"multipart/form-data; boundary={B}",
        length: int | None = None,
        files: frozenset[str] = frozenset({"image"}),
        **kinds: frozenset[str],
    ) -> AsyncIterator[Form]:
        headers = {"content-type": content_type, "content-length": None if length is None else str(length)}
        scope = {
            "headers": [(name.encode(), value.encode()) for name, value in headers.items() if value is not None],
            "method": "POST",
            "path": "/images/variations",
            "query_string": b"",
            "scheme": "http",
        }
        pieces = [sent] if isinstance(sent, bytes) else sent
        receive = pieces if callable(pieces) else sending(pieces)
        exchange = Exchange(scope, receive, _send_nothing, clock=self.clock, limits=self.limits)
        spool = self.make_spool(self.directory, self.limits.memory)
        reader = FormReader(self.limits, spool, self.probe, self.clock)
        async with reader.open(exchange, files, **kinds) as read:
            yield await read.whole()

    async def told(self, sent: bytes | Sequence[bytes] | Receive, **kinds) -> tuple[object, ...]:
        """All that a form holds, as plain values; or the error that it is."""
        try:
            async with self.form(sent, **kinds) as form:
                files = [(name, file.filename, await everything(file), file.info) for name, file in form.files]
                return list(form.fields), files
        except ToranaError as error:
            return (type(error),)


async def _send_nothing(message: Message) -> None:
    raise AssertionError(message)


async def everything(upload) -> bytes:
    return b"".join([chunk async for chunk in upload.chunks()])


@pytest.fixture
def door(tmp_path):
    return Door(tmp_path / "spool")


def with_limits(door: Door, **limits: float) -> Door:
    sizes = {name: Seconds(v) if name in {"grace", "deadline"} else Bytes(v) for name, v in limits.items()}
    return Door(door.directory, Uploads(**sizes), FakeClock())  # type: ignore[arg-type]  # all are numbers


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def threads_end() -> None:
    """Descriptors are closed in threads; no other may start after this."""
    await asyncio.get_running_loop().shutdown_default_executor()


FIELDS = [part("model", "a/b"), part("n", "2"), part("user", "Zoë \N{SLIGHTLY SMILING FACE}\r\n--"), part("n", "")]
FILES = [part("image", PICTURE, "a.png", "Content-Type: image/png"), part("image[]", b"PIC\r\n--a-boundarEND", "b")]
BODY = body(FILES[0], *FIELDS, FILES[1])
TOLD = (
    [("model", "a/b"), ("n", "2"), ("user", "Zoë \N{SLIGHTLY SMILING FACE}\r\n--"), ("n", "")],
    [("image", "a.png", PICTURE, INFO), ("image", "b", b"PIC\r\n--a-boundarEND", INFO)],
)


async def test_reads_fields_and_files_in_their_order(door):
    assert await door.told(BODY) == TOLD


async def test_a_body_cut_at_any_byte_is_the_same_form(door):
    for place in range(len(BODY) + 1):
        assert await door.told(cut(BODY, place)) == TOLD, place


async def test_a_body_in_pieces_of_any_size_is_the_same_form(door):
    for size in range(1, 80):
        assert await door.told([BODY[start : start + size] for start in range(0, len(BODY), size)]) == TOLD, size


async def test_a_form_is_the_same_whether_its_last_piece_says_so_or_an_empty_one_follows(door):
    for pieces in ([BODY], cut(BODY, 200), cut(BODY, 200, 300)):
        *before, last = pieces
        assert await door.told(sending(before, last)) == TOLD
        assert await door.told(sending(pieces)) == TOLD


async def test_a_body_that_breaks_off_is_never_a_form(door):
    end = len(BODY) - len("\r\n")  # what follows the closing boundary is nobody's
    assert await door.told(BODY[:end]) == TOLD
    for place in range(end):
        for sent in (BODY[:place], sending([], BODY[:place])):
            assert await door.told(sent) in {(InvalidRequest,), (InvalidImage,)}, place


PIECES = st.lists(
    st.sampled_from(
        [
            b"\r\n",
            b"\n",
            b"\r",
            b"--",
            b"\r\n--a-bou",
            B.encode(),
            b"x",
            b'; filename="f"',
            b"PIC",
            b"END",
            b" ",
            b":",
            *FIELDS,
        ]
    )
    | st.binary(max_size=8),
    max_size=12,
).map(b"".join)


PLACES = st.lists(st.integers(0, 1000), max_size=20)


@settings(max_examples=60, deadline=None)
@given(
    contents=st.lists(
        st.tuples(st.sampled_from(["image", "image[2]", "n", "x"]), PIECES.filter(lambda data: B.encode() not in data)),
        max_size=4,
    ),
    places=PLACES,
)
def test_any_form_in_any_pieces_is_the_same_form(tmp_path_factory, contents, places):
    sent = [
        (name, b"PIC" + content + b"END" if "image" in name else content.decode(errors="replace").encode())
        for name, content in contents
    ]
    whole = body(*(part(name, content) for name, content in sent))
    door = Door(tmp_path_factory.getbasetemp() / "spool", Uploads(memory=Bytes(16)))
    told = (
        [(name, content.decode()) for name, content in sent if "image" not in name],
        [("image", "", content, INFO) for name, content in sent if "image" in name],
    )
    for pieces in (whole, sending([], whole), cut(whole, *places)):
        assert asyncio.run(door.told(pieces)) == told


@settings(max_examples=100, deadline=None)
@given(noise=st.tuples(PIECES, PIECES, PIECES), places=PLACES)
def test_no_body_is_two_forms(tmp_path_factory, noise, places):
    before, within, after = noise
    whole = before + body(*FIELDS[:2], within, FILES[0]) + after
    door = Door(tmp_path_factory.getbasetemp() / "spool")
    outcomes = [asyncio.run(door.told(pieces)) for pieces in (whole, sending([], whole), cut(whole, *places))]
    forms = [outcome for outcome in outcomes if len(outcome) == 2]
    assert all(form == forms[0] for form in forms)


# What clients write


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # what the client thinks of the endpoint
async def test_the_python_client_of_openai(door):
    sent: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(200, json={"created": 1, "data": []})

    async with openai.AsyncOpenAI(
        api_key="k",
        base_url="http://gateway.test",
        http_client=openai.DefaultAsyncHttpxClient(transport=httpx2.MockTransport(answer)),
    ) as client:
        await client.images.create_variation(image=PICTURE, model="m", n=2, extra_body={"strength": 0.3})
        await client.images.create_variation(image=("ü.png", PICTURE), model="m", size="512x512")
        await client.images.create_variation(image=[PICTURE, PICTURE], model="m")  # type: ignore[arg-type]  # works
    told = [await door.told(r.content, content_type=r.headers["content-type"]) for r in sent]
    assert told == [
        ([("model", "m"), ("n", "2"), ("strength", "0.3")], [("image", "upload", PICTURE, INFO)]),
        ([("model", "m"), ("size", "512x512")], [("image", "ü.png", PICTURE, INFO)]),
        ([("model", "m")], [("image", "upload", PICTURE, INFO)] * 2),
    ]


async def test_the_node_client_of_openai_sends_chunks_with_the_file_first(door):
    pieces = [
        b'--openai-1a\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n',
        b"Content-Type: application/octet-stream\r\n\r\n",
        PICTURE[:4],
        PICTURE[4:],
        b'\r\n--openai-1a\r\nContent-Disposition: form-data; name="model"\r\n\r\nm',
        b"\r\n--openai-1a--\r\n\r\n",
    ]
    told = await door.told(pieces, content_type="multipart/form-data; boundary=openai-1a")
    assert told == ([("model", "m")], [("image", "a.png", PICTURE, INFO)])


async def test_curl(door):
    dashes = "-" * 24 + "abe6da33c0f8d8ef"
    sent = (
        f'--{dashes}\r\nContent-Disposition: form-data; name="image[]"; filename="grün %221%22.png"\r\n'
        f"Content-Type: image/png\r\n\r\nPIC1END\r\n"
        f'--{dashes}\r\nContent-Disposition: form-data; name="image[]"; filename="none"\r\n'
        f"Content-Type: application/octet-stream\r\n\r\nPIC2END\r\n"
        f'--{dashes}\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n--{dashes}--\r\n'
    ).encode()
    told = await door.told(sent, content_type=f"multipart/form-data; boundary={dashes}", length=len(sent))
    assert told == (
        [("model", "m")],
        [("image", 'grün "1".png', b"PIC1END", INFO), ("image", "none", b"PIC2END", INFO)],
    )


async def test_a_browser_with_one_of_its_inputs_left_empty(door):
    dashes = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
    sent = (
        f'--{dashes}\r\nContent-Disposition: form-data; name="image"; filename=""\r\n'
        f"Content-Type: application/octet-stream\r\n\r\n\r\n"
        f'--{dashes}\r\nContent-Disposition: form-data; name="image"; filename="写真.png"\r\n'
        f"Content-Type: image/png\r\n\r\nPIC1END\r\n"
        f'--{dashes}\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nline\r\nline\r\n--{dashes}--\r\n'
    ).encode()
    told = await door.told(sent, content_type=f"multipart/form-data; boundary={dashes}")
    assert told == ([("prompt", "line\r\nline")], [("image", "写真.png", b"PIC1END", INFO)])


@pytest.mark.parametrize(
    "header",
    [
        f'multipart/form-data; boundary="{B}"',
        f"Multipart/Form-Data;BOUNDARY={B}",
        f"multipart/form-data; charset=utf-8; boundary={B}; x=y",
        f'multipart/form-data ;  boundary = "{B}" ',
    ],
)
async def test_boundaries_quoted_and_bare(door, header):
    assert await door.told(BODY, content_type=header) == TOLD


@pytest.mark.parametrize("boundary", ["----=_Part_0_1.2", "'()+_,-./:=?", "*****", "b" * 70, "0"])
async def test_boundaries_that_ought_to_be_quoted_and_are_not(door, boundary):
    sent = BODY.replace(B.encode(), boundary.encode())
    told = await door.told(sent, content_type=f"multipart/form-data; boundary={boundary}")
    assert told[0] == TOLD[0]
    spaced = BODY.replace(B.encode(), b"with some space")
    assert (await door.told(spaced, content_type='multipart/form-data; boundary="with some space"'))[0] == TOLD[0]


@pytest.mark.parametrize(
    ("disposition", "filename"),
    [
        (b'form-data; name="image"; filename="a.png"; filename*=UTF-8\'\'b.png', "a.png"),
        (b"form-data; name=\"image\"; filename*=UTF-8''b.png", ""),
        (b"form-data; filename*=utf-8'en'name%3Dmodel; name=image", ""),
        (b"form-data; name=image; filename=a.png", "a.png"),
        (b'FORM-DATA;name="image";filename="a;b=c.png"', "a;b=c.png"),
        (b'form-data; name="image"; filename="C:\\\\dir\\\\a.png"', "a.png"),
        ('form-data; name="image"; filename="слика.png"'.encode(), "слика.png"),
        ('form-data; name="image"; filename="grün.png"'.encode("latin-1"), "gr\N{REPLACEMENT CHARACTER}n.png"),
        ('form-data; name="image"; filename="猫.png"'.encode("shift-jis"), "\N{REPLACEMENT CHARACTER}L.png"),
    ],
)
async def test_file_names_are_labels_in_any_script_and_form(door, disposition, filename):
    sent = body(f"--{B}\r\n".encode() + b"Content-Disposition: " + disposition + b"\r\n\r\n" + PICTURE + b"\r\n")
    assert await door.told(sent) == ([], [("image", filename, PICTURE, INFO)])


async def test_what_stands_around_the_form_does_not_matter(door):
    assert (
        await door.told([b"preamble\r\nof two lines\r\n", BODY, b"epilogue\r\n", b"--" + B.encode() + b"\r\n"]) == TOLD
    )
    assert await door.told(body()) == ([], [])


# What is refused


async def refusal(door: Door, sent, **kinds) -> ToranaError:
    with pytest.raises(ToranaError) as caught:
        async with door.form(sent, **kinds):
            pass
    return caught.value


@pytest.mark.parametrize(
    "content_type", [None, "", "application/json", "multipart/mixed; boundary=x", "text/plain; a=b"]
)
async def test_other_kinds_of_body_are_refused_unread(door, content_type):
    error = await refusal(door, _never, content_type=content_type)
    assert (error.status, error.code) == (400, "unsupported_content_type")
    assert error.message.startswith("Send the request as multipart/form-data: ")


@pytest.mark.parametrize("boundary", ["", "; boundary=", '; boundary=""', f"; boundary={'b' * 71}", '; boundary="b "'])
async def test_a_boundary_is_needed(door, boundary):
    error = await refusal(door, _never, content_type=f"multipart/form-data{boundary}")
    assert (error.status, error.code) == (400, "unsupported_content_type")
    assert "boundary of 1 to 70 characters" in error.message


async def _never() -> Message:
    raise AssertionError("the body must not be read")


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"{}",
        b"model=m&n=2",
        BODY.replace(B.encode(), b"another"),
        BODY.replace(b"\r\n", b"\n"),
        BODY.replace(b'"model"\r\n', b'"model"\n'),
        BODY.replace(b"form-data", b"attachment"),
        BODY.replace(b'name="model"', b""),
        BODY.replace(b'name="model"', b'name=""'),
        BODY.replace(b'name="model"', b'name="a%0D%0Ab"'),
        BODY.replace(b"Content-Disposition", b"Content-Something"),
        BODY.replace(b"Content-Type: image/png", b"no header"),
        BODY.replace(b"Content-Type: image/png", b"Content-Length: 3"),
        BODY.replace(b"Content-Type: image/png", b"Content-Type: a\nb"),
        BODY.replace(f"--{B}\r\n".encode(), f"--{B}x\r\n".encode()),
    ],
)
async def test_malformed_bodies_are_refused(door, sent):
    error = await refusal(door, sent)
    assert (type(error), error.status, error.code) == (InvalidRequest, 400, "invalid_multipart")
    assert error.message.startswith("The multipart body is malformed: ")


async def test_a_boundary_that_never_comes_is_not_waited_for(door):
    receive = sending([bytes(50_000)] * 10)
    error = await refusal(door, receive)
    assert f"'{B}'" in error.message
    assert (await receive())["more_body"]


async def test_a_body_declared_too_large_is_refused_unread(door):
    error = await refusal(door, _never, length=LIMITS.max_body + 1)
    assert (error.status, error.code) == (413, "request_too_large")
    assert "67,108,864 bytes" in error.message


async def test_a_chunked_body_is_refused_when_it_passes_the_limit(door):
    receive = sending([part("image", b"", "a")[:-2] + b"PIC", *[bytes(1000)] * 10])
    error = await refusal(with_limits(door, max_body=3000), receive)
    assert type(error) is TooLarge
    assert (await receive())["more_body"]


@pytest.mark.parametrize(
    ("limits", "sent", "param"),
    [
        ({"max_file": 9}, body(part("image[]", b"PIC....END", "a.png")), "image"),
        ({"max_field": 3}, body(part("user", "1234")), "user"),
        ({"max_files": 2}, body(*[part("image", PICTURE)] * 3), "image"),
        ({"max_parts": 2}, body(part("a", ""), part("b", ""), part("c", "")), None),
        ({"max_part_header": 100}, body(part("a", "", "f" * 100)), None),
        ({"max_part_header": 100}, body(part("a", "", None, f"X: {'x' * 40}", f"Y: {'y' * 40}")), None),
        ({}, body(part("a", "", None, *["X: y"] * 8)), None),
    ],
)
async def test_too_much_is_refused(door, limits, sent, param):
    error = await refusal(with_limits(door, **limits), sent)
    assert (type(error), error.param) == (TooLarge, param)
    assert "at most" in error.message


@pytest.mark.parametrize(
    ("limits", "sent"),
    [
        ({"max_file": 9}, body(part("image[]", b"PIC...END", "a.png"))),
        ({"max_field": 4}, body(part("user", "1234"))),
        ({"max_files": 2}, body(*[part("image", PICTURE)] * 2)),
        ({"max_parts": 2}, body(part("a", ""), part("b", ""))),
        ({"max_body": len(BODY)}, BODY),
        ({"max_part_header": 50}, body(part("a", ""))),
    ],
)
async def test_the_limits_themselves_are_allowed(door, limits, sent):
    told = await with_limits(door, **limits).told(sent, length=len(sent))
    assert len(told) == 2


async def test_a_header_cannot_go_on_for_ever(door):
    folded = "X: a" + "\r\n b" * 8
    assert (await door.told(body(part("a", "text", None, folded))))[0] == [("a", "text")]
    error = await refusal(door, body(part("a", "text", None, folded + "\r\n b")))
    assert (type(error), error.status) == (TooLarge, 413)
    # Each part may have its own.
    assert len((await door.told(body(part("a", "", None, folded), part("b", "", None, folded))))[0]) == 2


async def test_a_full_disk_is_our_failure(door):
    door.directory.write_bytes(b"in the way")
    error = await refusal(door, body(part("image", picture(LIMITS.memory + 1), "a.png")))
    assert (type(error), error.code) == (WorkFailed, "storage_failed")


# Vanished senders, and slow disks of our own


async def test_a_client_that_hangs_up_is_gone(door):
    receive = sending([])
    await receive()
    with pytest.raises(ClientGone):
        async with door.form(receive):
            pass


async def test_time_that_we_take_ourselves_does_not_count(door):
    ours = with_limits(door, deadline=1, grace=0.5)

    class SlowDisk(Spool):
        def open(self, filename, seat=None):
            ours.clock.advance(100)
            return super().open(filename, seat)

    ours.make_spool = SlowDisk
    async with ours.form(cut(BODY, 200, 300)) as form:
        assert len(form.files) == 2


async def test_a_body_that_says_how_long_it_is_has_memory_of_its_own_and_gives_it_back(door):
    sent = body(*[part("image", picture(100_000), "a")] * 2)
    ours = with_limits(door, memory=300_000)
    spools: list[Spool] = []

    class Seen(Spool):
        def __init__(self, *args):
            super().__init__(*args)
            spools.append(self)

    ours.make_spool = Seen
    async with ours.form(cut(sent, 50_000, 150_000), length=len(sent)) as form:
        assert all(upload.at_hand() is not None for _, upload in form.files)
        assert await spools[0].seat(20_000) is None, "a quarter is nobody's"
    seat = await spools[0].seat(180_000)
    assert seat is not None


# What is left behind


async def test_uploads_are_gone_when_the_context_ends(door):
    async with door.form(body(part("image", picture(300_000), "a"), part("image", PICTURE, "b"))) as form:
        pass
    for _, upload in form.files:
        with pytest.raises(ValueError, match="closed"):
            await everything(upload)


@pytest.mark.parametrize("last", [picture(300_000), b"BOMB", bytes(LIMITS.max_file + 1)])
async def test_no_descriptor_is_left_whatever_happens(door, last):
    before = open_descriptors()
    sent = body(*[part("image", picture(300_000), "a")] * 3, part("image", last, "b"))
    pieces = [sent[start : start + 65_536] for start in range(0, len(sent), 65_536)]
    await door.told(pieces)
    await threads_end()
    assert open_descriptors() == before


async def test_no_descriptor_is_left_of_a_cancelled_reading(door):
    door = with_limits(door, memory=100_000)
    before = open_descriptors()
    sent = sending([part("image", picture(300_000), "a"), part("image", picture(300_000), "b")[:-100]])
    stalled = asyncio.Event()

    async def receive() -> Message:
        message = await sent()
        if not message["more_body"]:
            stalled.set()
            await asyncio.Event().wait()
        return message

    async def read() -> None:
        async with door.form(receive):
            raise AssertionError

    reading = asyncio.create_task(read())
    await stalled.wait()
    assert open_descriptors() == before + 2
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await threads_end()
    assert open_descriptors() == before


async def test_no_descriptor_is_left_when_cancelled_anywhere(door):
    door = with_limits(door, memory=100_000)
    before = open_descriptors()
    sent = body(*[part("image", picture(300_000), "a")] * 2)
    pieces = [sent[start : start + 65_536] for start in range(0, len(sent), 65_536)]
    for steps in range(0, 60, 3):
        reading = asyncio.create_task(door.told(pieces))
        for _ in range(steps):
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait([reading])
    await threads_end()
    assert open_descriptors() == before


async def peak_memory(door: Door, size: int) -> int:
    """The most bytes that Python held while eight uploads went in and out at once."""

    def pieces() -> Iterator[bytes]:
        yield part("image", b"PIC", "a.png")[:-2]
        for _ in range(size // 65_536):
            yield bytes(65_536)
        yield b"\r\n" + body()

    async def upload() -> None:
        async with door.form(sending(pieces())) as form:
            async for _ in form.files[0][1].chunks():
                pass

    tracemalloc.start()
    await asyncio.gather(*(upload() for _ in range(8)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


async def test_memory_does_not_grow_with_the_files(door):
    door = with_limits(door, memory=1024**2)
    door.probe = lambda file, max_pixels: INFO
    small, large = await peak_memory(door, 2 * 1024**2), await peak_memory(door, 8 * 1024**2)
    assert large < 8 * 1024**2
    assert large < small * 1.5
