"""Reads request bodies, of whichever kind a family takes: forms as they arrive, JSON when it is all there."""

import asyncio
import binascii
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import msgspec

from torana.config.model import Uploads
from torana.core.errors import InvalidImage, InvalidRequest, TooLarge
from torana.core.exchange import HERE, Coming
from torana.edge.bodies.arrival import Arrival, check_length
from torana.edge.bodies.uploads import FormReader, OpenForm
from torana.edge.exchange import Exchange
from torana.families.base import Family, Form
from torana.storage.spool import SpooledFile

R = TypeVar("R")

_JSON = "application/json"
_PICTURES = {"image": "image", "images": "image", "mask": "mask"}
"""The members of a JSON body that hold pictures, and the field of a form that each stands for."""
_MAX_COMMAS = 100_000
_MAX_COMMAS_OF_ANY_SHAPE = 500_000
"""Of bodies that may hold texts as the numbers of their tokens, up to 300,000 at OpenAI."""
# Within which the head of a data: URI ends.
_MAX_HEAD = 256
# A multiple of 4, so that each piece of base64 stands for whole bytes.
_DECODE_STEP = 256 * 1024


@dataclass(frozen=True, slots=True)
class BodyReader:
    """Reads what clients send, as the family takes it."""

    forms: FormReader

    def open(self, exchange: Exchange, family: Family[R, Any]) -> "OpenBody[R]":
        """What an exchange asks, to be read; its uploads are gone when the context ends.

        Reading raises what ``OpenForm`` and the family raise; where a family takes forms, a body in JSON is to it the
        form that would say the same.
        """
        if family.parse is not None:
            return _Parsing(self.forms, exchange, family.parse)
        if family.json_fields and (not family.fields or _kind(exchange) == _JSON):
            return _ReadingJson(self.forms, exchange, family)
        form = self.forms.open(exchange, family.files, sounds=family.sounds, long=family.long)
        return _ReadingForm(form, family)


class OpenBody(ABC, Generic[R]):
    """A body that is there to be read, as long as its context lasts: what is asked in it."""

    __slots__ = ()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """There is nothing to free."""

    @property
    def coming(self) -> Coming:
        """What of it is still on its way when it was read."""
        return HERE

    @abstractmethod
    async def read(self) -> R:
        """What is asked; a second time where it turned out to be another than it seemed."""


class _Parsing(OpenBody[R]):
    """A body in JSON that its family parses."""

    __slots__ = ("_exchange", "_forms", "_parse")

    def __init__(self, forms: FormReader, exchange: Exchange, parse: Callable[[bytes], R]) -> None:
        self._forms = forms
        self._exchange = exchange
        self._parse = parse

    async def read(self) -> R:
        """As ``OpenBody`` has it."""
        _check_kind(self._exchange)
        return self._parse(bytes(await _whole(self._exchange, self._forms, _MAX_COMMAS_OF_ANY_SHAPE)))


class _ReadingForm(OpenBody[R]):
    """A form, as its family takes it."""

    __slots__ = ("_family", "_form", "_is_begun")

    def __init__(self, form: OpenForm, family: Family[R, Any]) -> None:
        self._form = form
        self._family = family
        self._is_begun = False

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._form.__aexit__(kind, error, trace)

    @property
    def coming(self) -> Coming:
        """As ``OpenBody`` has it."""
        return self._form.coming

    async def read(self) -> R:
        """As ``OpenBody`` has it."""
        read = self._family.read
        if not self._is_begun:
            self._is_begun = True
            begun = await self._form.beginning(read)
            if begun is not None:
                return begun
        return read(await self._form.whole())


class _ReadingJson(OpenBody[R]):
    """A body in JSON that says what a form would."""

    __slots__ = ("_exchange", "_family", "_forms", "_spooled")

    def __init__(self, forms: FormReader, exchange: Exchange, family: Family[R, Any]) -> None:
        self._forms = forms
        self._exchange = exchange
        self._family = family
        self._spooled: list[SpooledFile] = []

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._spooled:
            file.close()

    async def read(self) -> R:
        """As ``OpenBody`` has it."""
        exchange, family, limits = self._exchange, self._family, self._forms.limits
        _check_kind(exchange)
        members = _members(await _whole(exchange, self._forms, _MAX_COMMAS), limits)
        fields = tuple(_texts(members, family, limits))
        files = []
        if family.files:
            for number, (name, written) in enumerate(_pictures(members)):
                if number >= limits.max_files:
                    raise TooLarge(f"The body has too many files: at most {limits.max_files} are allowed.", param=name)
                files.append((_PICTURES[name], await self._file(name, written)))
        return family.read(Form(fields, tuple(files)))

    async def _file(self, name: str, written: object) -> SpooledFile:
        limits = self._forms.limits
        file = self._forms.spool.open(_PICTURES[name])
        self._spooled.append(file)
        for piece in _decoded(name, written):
            if file.size + len(piece) > limits.max_file:
                raise TooLarge(f"'{name}' is too large: a file may have at most {limits.max_file:,} bytes.", param=name)
            await file.append(piece)
            # Others get their turn between the pieces of a large picture.
            await asyncio.sleep(0)
        try:
            await file.finish(partial(self._forms.probe, max_pixels=limits.max_pixels))
        except InvalidImage as error:
            raise InvalidImage(error.message, param=name, code=error.code) from error
        return file


async def _whole(exchange: Exchange, forms: FormReader, most_commas: int) -> bytes | bytearray:
    limits = forms.limits
    check_length(exchange.content_length or 0, limits)
    arrival = Arrival(exchange.receive, limits, forms.clock)
    body: bytes | bytearray = b""
    commas = 0
    while chunk := await arrival.piece():
        if not body:
            # Mostly it is all there is, and never copied.
            body = chunk
        elif isinstance(body, bytearray):
            body += chunk
        else:
            body = bytearray(body)
            body += chunk
        # All values but the first of an array or object follow a comma, and how deep those go is bounded too. So
        # this bounds the time and memory that decoding takes; base64 has no commas.
        commas += chunk.count(b",")
        if commas > most_commas:
            raise TooLarge(f"The body holds too many values: at most {most_commas:,} commas are allowed.")
    return body


def _check_kind(exchange: Exchange) -> None:
    if _kind(exchange) != _JSON:
        kind = _kind(exchange)[:100]
        told = f"its Content-Type is {kind!r}" if kind else "it has no Content-Type"
        raise InvalidRequest(f"Send the request as {_JSON}: {told}.", code="unsupported_content_type")


def _kind(exchange: Exchange) -> str:
    return (exchange.header("content-type") or "").partition(";")[0].strip().lower()


def _members(body: bytes | bytearray, limits: Uploads) -> Mapping[str, object]:
    try:
        members = msgspec.json.decode(body, type=dict[str, object])
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(
            'The body is not a JSON object. Send one, in UTF-8, such as {"model": "...", "prompt": "..."}.',
            code="invalid_json",
        ) from error
    if len(members) > limits.max_parts:
        raise TooLarge(f"The body has too many members: at most {limits.max_parts} are allowed.")
    return members


def _texts(members: Mapping[str, object], family: Family[Any, Any], limits: Uploads) -> Iterator[tuple[str, str]]:
    """The members as a form would have them; nothing for null, and for pictures."""
    known = {field.name for field in family.json_fields}
    for name, value in members.items():
        if value is None or (name in _PICTURES and family.files):
            continue
        if name not in known:
            # What it holds means nothing here.
            yield name, ""
        elif isinstance(value, dict | list):
            raise InvalidRequest(f"'{name}' must be a single value.", param=name, code="invalid_type")
        else:
            text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
            if len(text.encode()) > limits.max_field:
                raise TooLarge(f"'{name}' is too long: at most {limits.max_field:,} bytes are allowed.", param=name)
            yield name, text


def _pictures(members: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Each picture, and the member that holds it."""
    for name in _PICTURES:
        value = members.get(name)
        if value is not None:
            yield from ((name, each) for each in (value if isinstance(value, list) else [value]))


def _decoded(name: str, written: object) -> Iterator[bytes]:
    """The bytes of a picture that JSON holds, as a ``data:`` URI or an object with one, in pieces."""
    if isinstance(written, dict):
        written = written.get("image_url", written.get("url"))
    if isinstance(written, dict):
        written = written.get("url")
    uri = written if isinstance(written, str) else ""
    comma = uri.find(",", 0, _MAX_HEAD)
    head = uri[: max(comma, 0)].lower()
    if not (head.startswith("data:") and head.endswith(";base64")):
        raise InvalidImage(
            f"'{name}' must hold the picture itself, as a data: URI in base64. Addresses and file ids are not taken.",
            param=name,
            code="invalid_image_url",
        )
    for start in range(comma + 1, len(uri), _DECODE_STEP):
        end = start + _DECODE_STEP
        try:
            piece = binascii.a2b_base64(uri[start:end], strict_mode=True)
        except ValueError as error:
            raise _broken(name) from error
        if end < len(uri) and len(piece) != _DECODE_STEP // 4 * 3:
            raise _broken(name)
        yield piece


def _broken(name: str) -> InvalidImage:
    return InvalidImage(f"'{name}' is not valid base64.", param=name, code="invalid_base64_image")
