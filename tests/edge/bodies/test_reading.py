import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.edge.gate import BOUNDARY, PNG, SIZE, form
from torana.config.model import Uploads
from torana.config.units import Bytes
from torana.core.clock import FakeClock
from torana.core.content import Size
from torana.core.errors import InvalidImage, InvalidRequest, TooLarge, ToranaError
from torana.edge.bodies.reading import BodyReader
from torana.edge.bodies.uploads import FormReader
from torana.edge.exchange import ClientGone, Exchange, Message, Receive
from torana.families.base import Family, Form
from torana.families.images import EDITS, GENERATIONS, VARIATIONS
from torana.media.probe import probe
from torana.storage.spool import Spool

LIMITS = Uploads()
JSON = "application/json"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
SENT = '{"model": "m", "prompt": "a cat"}'


def uri(data: bytes = PNG, head: str = "data:image/png;base64,") -> str:
    return head + base64.b64encode(data).decode()


async def _send_nothing(message: Message) -> None:
    raise AssertionError(message)


def _as_it_is(form: Form) -> Form:
    return form


async def _never() -> Message:
    raise AssertionError("the body must not be read")


def sending(pieces: Iterable[bytes], last: Message | None = None) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages.append(last or {"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        return messages.pop(0)

    return receive


@dataclass
class Door:
    """A body reader, and what an exchange with it needs."""

    directory: Path
    limits: Uploads = LIMITS
    clock: FakeClock = field(default_factory=FakeClock)

    @asynccontextmanager
    async def open(
        self,
        sent: bytes | str | Receive,
        family: Family[Any, Any] = EDITS,
        *,
        content_type: str | None = JSON,
        length: int | None = None,
    ) -> AsyncIterator[Callable[[], Any]]:
        headers = {"content-type": content_type, "content-length": None if length is None else str(length)}
        scope = {
            "headers": [(name.encode(), value.encode()) for name, value in headers.items() if value is not None],
            "method": "POST",
            "path": family.path,
            "query_string": b"",
            "scheme": "http",
        }
        data = sent.encode() if isinstance(sent, str) else sent
        receive = data if callable(data) else sending([data])
        exchange = Exchange(scope, receive, _send_nothing, clock=self.clock, limits=self.limits)
        forms = FormReader(self.limits, Spool(self.directory, self.limits.memory), probe, self.clock)
        async with BodyReader(forms).open(exchange, replace(family, read=_as_it_is)) as body:
            yield body.read

    async def told(self, sent: bytes | str | Receive, family: Family[Any, Any] = EDITS, **kinds: Any) -> Any:
        """All that a body holds, as plain values."""
        async with self.open(sent, family, **kinds) as read:
            body: Form = await read()
            files = [(name, await everything(file), file.info.size) for name, file in body.files]
            return dict(body.fields), files

    async def refusal(self, sent: bytes | str | Receive, family: Family[Any, Any] = EDITS, **kinds: Any) -> ToranaError:
        with pytest.raises(ToranaError) as caught:
            await self.told(sent, family, **kinds)
        return caught.value


async def everything(upload: Any) -> bytes:
    return b"".join([chunk async for chunk in upload.chunks()])


@pytest.fixture
def door(tmp_path):
    return Door(tmp_path / "spool")


def edit(**members: object) -> str:
    return json.dumps({"model": "m", **members})


# Which kind of body


async def test_a_body_in_json_is_the_form_that_would_say_the_same(door):
    fields = {"model": "m", "prompt": "a cat", "n": "2", "stream": "true"}
    by_form = await door.told(form(fields), content_type=FORM)
    by_json = await door.told(edit(prompt="a cat", n=2, stream=True, images=[{"image_url": uri()}]))
    assert by_json == by_form == (fields, [("image", PNG, SIZE)])


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=utf-8", " application/json ;x"]
)
@pytest.mark.parametrize("family", [EDITS, GENERATIONS], ids=lambda family: family.operation)
async def test_json_is_known_by_its_label(door, family, content_type):
    assert await door.told(SENT, family, content_type=content_type) == ({"model": "m", "prompt": "a cat"}, [])


@pytest.mark.parametrize(
    ("content_type", "told"),
    [
        (None, "it has no Content-Type"),
        ("", "it has no Content-Type"),
        (FORM, "its Content-Type is 'multipart/form-data'"),
        ("text/json", "its Content-Type is 'text/json'"),
        ("application/x-www-form-urlencoded", "its Content-Type is 'application/x-www-form-urlencoded'"),
        ("x" * 500, f"its Content-Type is '{'x' * 100}'"),
    ],
)
async def test_where_json_alone_is_taken_other_bodies_are_refused_unread(door, content_type, told):
    error = await door.refusal(_never, GENERATIONS, content_type=content_type)
    assert (error.status, error.code) == (400, "unsupported_content_type")
    assert error.message == f"Send the request as application/json: {told}."


@pytest.mark.parametrize(
    ("family", "content_type"), [(VARIATIONS, JSON), (EDITS, "text/plain"), (EDITS, None), (EDITS, "application/jsonp")]
)
async def test_where_forms_are_taken_other_bodies_are_refused_unread(door, family, content_type):
    error = await door.refusal(_never, family, content_type=content_type)
    assert error.code == "unsupported_content_type"
    assert error.message.startswith("Send the request as multipart/form-data: ")


# What JSON says


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("2", "2"),
        ("2.0", "2.0"),
        ("-1", "-1"),
        ("0.25", "0.25"),
        ("1e-7", "1e-7"),
        (str(2**63), str(2**63)),
        (str(10**40), str(10**40)),
        ("true", "true"),
        ("false", "false"),
        ('"2"', "2"),
        ('"\\u00fc \\ud83d\\ude00"', "ü \N{GRINNING FACE}"),
        ('"a\\u0000b"', "a\0b"),
        ('""', ""),
    ],
)
async def test_values_are_as_a_form_would_have_them(door, written, text):
    assert await door.told(f'{{"n": {written}}}', GENERATIONS) == ({"n": text}, [])


@pytest.mark.parametrize("name", ["model", "prompt", "n", "image", "images", "mask", "made-up"])
async def test_null_is_nothing(door, name):
    assert await door.told(f'{{"{name}": null, "user": "u"}}') == ({"user": "u"}, [])


@pytest.mark.parametrize("value", ['["a"]', "[]", "{}", '{"a": 1}'])
async def test_a_field_has_one_value(door, value):
    error = await door.refusal(f'{{"prompt": {value}}}', GENERATIONS)
    assert (error.status, error.param, error.code) == (400, "prompt", "invalid_type")
    assert error.message == "'prompt' must be a single value."


@pytest.mark.parametrize("value", ["1", '"text"', "[1, [2]]", '{"a": {}}', json.dumps("x" * LIMITS.max_field * 2)])
async def test_of_what_means_nothing_the_name_is_kept(door, value):
    assert await door.told(f'{{"mood": {value}}}') == ({"mood": ""}, [])


async def test_of_a_member_that_comes_twice_the_last_counts(door):
    assert await door.told('{"n": 1, "n": 2}', GENERATIONS) == ({"n": "2"}, [])


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b'"model"',
        b"5",
        b"{",
        b'{"model": "m"',
        b'{"model": "m",}',
        b"{'model': 'm'}",
        b'{"n": NaN}',
        b'{"n": Infinity}',
        b'{"n": 1e400}',
        b'{"n": 01}',
        b'{"n": ' + b"9" * 5000 + b"}",
        b'{"model": "m"} {}',
        b'{"model": "gr\xfcn"}',
        b'{"model": "a\nb"}',
        b'{"model": "\\ud800"}',
        b'{"model": "\\ud800\\u0041"}',
        b'{"model": "\\udc00"}',
        b'{"a": ' * 100_000,
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        SENT.encode("utf-16"),
        SENT.encode("utf-16-le"),
        SENT.encode("utf-8-sig"),
        b"model=m&prompt=a+cat",
        form({"model": "m"}),
    ],
    ids=lambda sent: repr(sent[:20]),
)
async def test_what_is_no_json_object_is_refused(door, sent):
    error = await door.refusal(sent, GENERATIONS)
    assert (type(error), error.status, error.code) == (InvalidRequest, 400, "invalid_json")
    assert error.message.startswith("The body is not a JSON object. Send one, in UTF-8, such as {")
    json.loads(error.message.partition("such as ")[2].removesuffix("."))


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.binary(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["n", "image", "mask", "url", "x"]), inner),
        ).map(lambda value: json.dumps(value).encode()),
    )
)
def test_any_body_is_taken_or_refused(tmp_path_factory, sent):
    async def status() -> int:
        try:
            await Door(tmp_path_factory.getbasetemp() / "spool").told(sent)
        except ToranaError as error:
            return error.status
        return 200

    assert asyncio.run(status()) in {200, 400, 413}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 500), max_size=5))
def test_a_body_in_pieces_is_the_same(tmp_path_factory, places):
    sent = edit(prompt="grün", images=[uri()]).encode()
    edges = [0, *sorted(min(place, len(sent)) for place in places), len(sent)]
    pieces = [sent[start:end] for start, end in pairwise(edges)]
    door = Door(tmp_path_factory.getbasetemp() / "spool")
    assert asyncio.run(door.told(sending(pieces))) == ({"model": "m", "prompt": "grün"}, [("image", PNG, SIZE)])


# Pictures


@pytest.mark.parametrize(
    "members",
    [
        {"images": [{"image_url": uri()}]},
        {"images": {"image_url": uri()}},
        {"images": [uri()]},
        {"images": uri()},
        {"images": [{"type": "image_url", "image_url": {"url": uri(), "detail": "high"}}]},
        {"image": uri()},
        {"image": [{"url": uri()}]},
        {"image": uri(head="data:;base64,")},
        {"image": uri(head="DATA:IMAGE/PNG;BASE64,")},
        {"image": uri(head="data:text/plain;charset=utf-8;base64,")},
        {"image": uri(head="data:\u0130;base64,")},
    ],
)
async def test_every_way_to_write_a_picture(door, members):
    assert await door.told(edit(**members)) == ({"model": "m"}, [("image", PNG, SIZE)])


async def test_pictures_of_both_names_and_a_mask(door):
    from_gif = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
    told = await door.told(edit(mask={"image_url": uri(from_gif)}, images=[uri(), uri(from_gif)], image=uri()))
    small = ("image", from_gif, Size(1, 1))
    assert told == ({"model": "m"}, [("image", PNG, SIZE), ("image", PNG, SIZE), small, ("mask", from_gif, Size(1, 1))])


async def test_where_no_pictures_are_taken_they_mean_nothing(door):
    sent = json.dumps({"model": "m", "images": [uri()], "image": "no picture", "mask": {"file_id": "f"}})
    assert await door.told(sent, GENERATIONS) == ({"model": "m", "images": "", "image": "", "mask": ""}, [])


@pytest.mark.parametrize("name", ["image", "images", "mask"])
@pytest.mark.parametrize(
    "written",
    [
        "https://example.com/a.png",
        "file:///etc/passwd",
        base64.b64encode(PNG).decode(),
        "data:image/png," + "%89PNG",
        "data:image/png;base64",
        "data:image/png;base32,AAAA",
        "data:" + "x" * 300 + ";base64,AAAA",
        " " + uri(),
        "",
        {"file_id": "file-1"},
        {"image_url": None},
        {"image_url": {"file_id": "file-1"}},
        {"image_url": [uri()]},
        {},
        [[uri()]],
        [None],
        5,
        True,
    ],
    ids=lambda written: repr(written)[:30],
)
async def test_what_is_no_picture_in_itself_is_refused(door, name, written):
    error = await door.refusal(edit(**{name: written}))
    assert (type(error), error.param, error.code) == (InvalidImage, name, "invalid_image_url")
    assert error.message.startswith(f"'{name}' must hold the picture itself, as a data: URI in base64.")


STEP = 256 * 1024
LONG = uri(PNG + bytes(STEP), head="")


@pytest.mark.parametrize(
    "text",
    [
        "A",
        "AA",
        "AAA",
        "AA=",
        "=",
        "AA==BBBB",
        "A-_A",
        "AAAA\n",
        "AA AA",
        "AAA%3D",
        "AAAé",
        "AAAA,AAAA",
        LONG[:-1],
        LONG[: STEP - 4] + "AA==" + LONG[STEP:],
        LONG[: STEP - 4] + "AAA=" + LONG[STEP:],
        LONG[:STEP] + "\n" + LONG[STEP:],
        LONG[:STEP] + "====",
        "AA==" * 3,
    ],
    ids=lambda text: repr(text[-12:]),
)
async def test_broken_base64_is_refused(door, text):
    error = await door.refusal(edit(images=[{"image_url": "data:image/png;base64," + text}]))
    assert (type(error), error.param, error.code) == (InvalidImage, "images", "invalid_base64_image")
    assert error.message == "'images' is not valid base64."


@pytest.mark.parametrize("beyond", [*range(-5, 6), STEP, 2 * STEP + 1])
@pytest.mark.parametrize("memory", [0, 10_000_000])
async def test_a_long_picture_is_the_same_picture(door, beyond, memory):
    data = PNG + bytes(STEP // 4 * 3 - len(PNG) + beyond)
    told = await Door(door.directory, Uploads(memory=Bytes(memory))).told(edit(image=uri(data)))
    assert told == ({"model": "m"}, [("image", data, SIZE)])


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "empty_image_file"), (b"no picture", "invalid_image_format"), (PNG[:20], "image_parse_error")],
)
@pytest.mark.parametrize("name", ["image", "images", "mask"])
async def test_no_picture_is_refused_by_the_members_name(door, name, data, code):
    error = await door.refusal(edit(**{name: uri(data)}))
    assert (type(error), error.param, error.code) == (InvalidImage, name, code)


# Too much


@pytest.mark.parametrize(
    ("limits", "sent", "param"),
    [
        ({"max_body": Bytes(100)}, edit(user="u" * 100), None),
        ({"max_file": Bytes(len(PNG) - 1)}, edit(mask=uri()), "mask"),
        ({"max_files": 2}, edit(images=[uri()] * 3), "images"),
        ({"max_files": 2}, edit(images=[uri()] * 2, mask=uri()), "mask"),
        ({"max_field": Bytes(3)}, '{"user": "1234"}', "user"),
        ({"max_field": Bytes(3)}, '{"user": "üü"}', "user"),
        ({"max_parts": 2}, '{"a": 1, "b": 2, "c": 3}', None),
    ],
)
async def test_too_much_is_refused(door, limits, sent, param):
    error = await Door(door.directory, Uploads(**limits)).refusal(sent)
    assert (type(error), error.status, error.param) == (TooLarge, 413, param)
    assert "at most" in error.message


async def test_a_file_is_too_large_in_all_its_pieces(door):
    limits = Uploads(max_file=Bytes(STEP))
    error = await Door(door.directory, limits).refusal(edit(image=uri(PNG + bytes(STEP))))
    assert (type(error), error.param) == (TooLarge, "image")
    assert error.message == f"'image' is too large: a file may have at most {STEP:,} bytes."


@pytest.mark.parametrize(
    "limits",
    [
        {"max_body": Bytes(len(edit(images=[uri()] * 2, user="üü")))},
        {"max_file": Bytes(len(PNG))},
        {"max_files": 2},
        {"max_field": Bytes(4)},
        {"max_parts": 3},
    ],
)
async def test_the_limits_themselves_are_allowed(door, limits):
    sent = edit(images=[uri()] * 2, user="üü")
    told = await Door(door.directory, Uploads(**limits)).told(sent)
    assert told == ({"model": "m", "user": "üü"}, [("image", PNG, SIZE)] * 2)


async def test_a_body_declared_too_large_is_refused_unread(door):
    error = await door.refusal(_never, length=LIMITS.max_body + 1)
    assert (type(error), error.status) == (TooLarge, 413)


@pytest.mark.parametrize("flood", [b'"a": 1,', b"[],", b"{},", b"1,"])
async def test_a_flood_of_values_is_refused_before_it_is_all_there(door, flood):
    receive = sending([b'{"x": [', *[flood * 10_000] * 20])
    error = await door.refusal(receive)
    assert type(error) is TooLarge
    assert error.message == "The body holds too many values: at most 100,000 commas are allowed."
    assert (await receive())["more_body"]


async def test_commas_in_text_are_no_flood(door):
    text = "a, " * 20_000
    assert await door.told(edit(prompt=text)) == ({"model": "m", "prompt": text}, [])


async def test_a_client_that_hangs_up_is_gone(door):
    with pytest.raises(ClientGone):
        await door.told(sending([b'{"model"'], {"type": "http.disconnect"}))


# What is left behind


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("last", [uri(PNG + bytes(300_000)), uri(b"no picture"), "data:;base64,A"])
async def test_nothing_is_left_whatever_happens(door, last):
    before = open_descriptors()
    try:
        async with door.open(edit(images=[uri(PNG + bytes(300_000)), last])) as read:
            body = await read()
    except InvalidImage:
        pass
    else:
        for _, upload in body.files:
            with pytest.raises(ValueError, match="closed"):
                await everything(upload)
    await asyncio.get_running_loop().shutdown_default_executor()
    assert open_descriptors() == before


async def test_others_have_their_turn_while_a_large_picture_is_read(door):
    pieces = 40
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    sent = edit(image=uri(PNG + bytes(pieces * STEP // 4 * 3)))
    ticking = asyncio.create_task(tick())
    await Door(door.directory, Uploads(memory=Bytes(LIMITS.max_body))).told(sent)
    ticking.cancel()
    assert ticks >= pieces


# Bodies of any shape


def talking(parse: Callable[[bytes], Any] = bytes) -> Family[Any, Any]:
    return replace(EDITS, parse=parse)


async def whole(door: Door, sent: bytes | str | Receive, family: Family[Any, Any], **kinds: Any) -> Any:
    async with door.open(sent, family, **kinds) as read:
        return await read()


@pytest.mark.parametrize("sent", [b"", b"{}", b'{"deep": [{"er": [1, 2]}]}', b"no json at all", bytes(range(256))])
async def test_a_body_of_any_shape_comes_as_its_bytes(door, sent):
    assert await whole(door, sending([sent[:3], sent[3:]]), talking()) == sent


async def test_what_its_family_makes_of_it_is_the_request(door):
    assert await whole(door, '{"model": "m"}', talking(json.loads)) == {"model": "m"}


async def test_what_its_family_refuses_is_refused(door):
    def refuse(raw: bytes) -> None:
        raise InvalidRequest("No.", param="messages")

    with pytest.raises(InvalidRequest, match="No") as caught:
        await whole(door, "{}", talking(refuse))
    assert caught.value.param == "messages"


@pytest.mark.parametrize("content_type", [None, FORM, "text/plain"])
async def test_it_is_json_or_nothing(door, content_type):
    with pytest.raises(InvalidRequest) as caught:
        await whole(door, _never, talking(), content_type=content_type)
    assert caught.value.code == "unsupported_content_type"


async def test_it_has_its_limits_too(tmp_path):
    small = Door(tmp_path / "spool", Uploads(max_body=Bytes(10)))
    with pytest.raises(TooLarge):
        await whole(small, bytes(11), talking())
    assert await whole(small, bytes(10), talking()) == bytes(10)


async def test_texts_may_come_as_the_numbers_of_their_tokens(door):
    tokens = json.dumps(list(range(300_000)))
    assert await whole(door, tokens, talking(json.loads)) == list(range(300_000))
    with pytest.raises(TooLarge):
        await whole(door, sending([b"[" + b"1," * 250_000] * 3), talking())
