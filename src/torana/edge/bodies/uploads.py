"""Reads ``multipart/form-data`` as it arrives: every byte once, files into the spool, nothing beyond the settings."""

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Protocol

# It carries no types of its own.
from multipart import MultipartError, MultipartSegment, ParserLimitReached  # type: ignore[import-untyped]

from torana.config.model import Uploads
from torana.core.clock import Clock
from torana.core.content import PictureInfo, SoundInfo
from torana.core.errors import InvalidImage, InvalidRequest, TooLarge
from torana.core.exchange import Recording
from torana.edge.bodies.arrival import Arrival, check_length
from torana.edge.bodies.splitting import MAX_HEADER_LINES, FormParser, split
from torana.edge.exchange import Exchange
from torana.families.base import Form
from torana.media.probe.sound import listen
from torana.storage.spool import Spool, SpooledFile

_FORM = "multipart/form-data"
_BOUNDARY = re.compile(r';\s*boundary\s*=\s*(?:"([^"]*)"|([^\s;"]*))', re.IGNORECASE)
_SANE_BOUNDARY = re.compile(r"[ -~]{0,69}[!-~]")
_BRACKETS = re.compile(r"\[[0-9]*\]\Z")
_LINE_OVERHEAD = len(": \r\n")
_HEADER_FIRST = "the parser gives the header first"
_MAX_PREAMBLE = 64 * 1024
_GLANCE = 64 * 1024
_MAX_LONG_FIELD = 4 * 1024**2
_CERTAIN_EARLY = frozenset({"invalid_image_format", "image_too_large"})


class Probe(Protocol):
    """Tells what a picture is by its first bytes, or raises InvalidImage."""

    def __call__(self, file: BinaryIO, *, max_pixels: int) -> PictureInfo:
        """``file`` is seekable and stands at its start."""
        ...


@dataclass(frozen=True, slots=True)
class FormReader:
    """Reads the forms that clients send.

    A part's name decides what it is: one that the family calls a file is a file, whatever its label says or lacks;
    any other is text. Empty file parts without a file name are left out: browsers send them for inputs left empty.
    Of a part under any other name that has a file name and is no short text, only the name is kept, with empty text.
    """

    limits: Uploads
    spool: Spool
    probe: Probe
    clock: Clock

    def open(
        self,
        exchange: Exchange,
        files: frozenset[str],
        *,
        sounds: frozenset[str] = frozenset(),
        long: frozenset[str] = frozenset(),
    ) -> AbstractAsyncContextManager[Callable[[], Awaitable[Form]]]:
        """Gives the way to read an exchange's form, once. Its uploads are gone when the context ends.

        ``files`` names the fields that are pictures, ``sounds`` those that are sounds, and ``long`` the texts that may
        be longer than others. Reading raises InvalidRequest, InvalidImage, TooLarge, SlowSender, WorkFailed when the
        disk is full, and ClientGone.
        """
        return _Opened(self, exchange, _FormBuilder(self, _Fields(files, sounds, long)))


class _Opened:
    """A form that is there to be read, as long as its context lasts."""

    __slots__ = ("_builder", "_exchange", "_reader")

    def __init__(self, reader: FormReader, exchange: Exchange, builder: "_FormBuilder") -> None:
        self._reader = reader
        self._exchange = exchange
        self._builder = builder

    async def __aenter__(self) -> Callable[[], Awaitable[Form]]:
        return self._read

    async def __aexit__(self, *_: object) -> None:
        for file in self._builder.spooled:
            file.close()

    async def _read(self) -> Form:
        exchange, builder, limits = self._exchange, self._builder, self._reader.limits
        boundary = _boundary(exchange.header("content-type"))
        check_length(exchange.content_length or 0, limits)
        arrival = Arrival(exchange.receive, limits, self._reader.clock)
        chunk = await arrival.piece()
        parts = (
            split(chunk, boundary, max_header=limits.max_part_header, max_parts=limits.max_parts)
            if arrival.ended
            else ()
        )
        for segment, content in parts:
            await builder.whole(segment, content)
        if not parts:
            await self._parse(arrival, chunk, boundary)
        return Form(tuple(builder.fields), tuple(builder.files), tuple(builder.sounds))

    async def _parse(self, arrival: Arrival, chunk: bytes, boundary: str) -> None:
        """Reads what comes piece by piece, from the first piece on."""
        builder, limits = self._builder, self._reader.limits
        parser = FormParser(boundary, limits.max_part_header)
        while chunk:
            try:
                for event in parser.parse(chunk):
                    await builder.take(event)
            except ParserLimitReached as error:
                raise _header_too_large(limits.max_part_header) from error
            except MultipartError as error:
                raise _malformed(f"{error}") from error
            if builder.parts == 0 and arrival.received > _MAX_PREAMBLE:
                raise _malformed(f"it does not begin with the boundary {boundary!r} that the Content-Type names")
            chunk = await arrival.piece()
        _check_complete(parser, boundary)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A sound that a client sent, in the spool."""

    file: SpooledFile
    info: SoundInfo

    @property
    def filename(self) -> str:
        """The client's name for it."""
        return self.file.filename

    @property
    def size(self) -> int:
        """How many bytes it holds."""
        return self.file.size

    def chunks(self) -> AsyncIterator[bytes]:
        """The bytes from the start, as often as asked."""
        return self.file.chunks()

    def at_hand(self) -> Sequence[bytes] | None:
        """All bytes as they lie in memory; None where they are on disk."""
        return self.file.at_hand()


@dataclass(frozen=True, slots=True)
class _Fields:
    """The names of a form's fields that are no short texts."""

    pictures: frozenset[str]
    sounds: frozenset[str]
    long: frozenset[str]


class _Part(Protocol):
    async def take(self, data: bytes) -> None: ...

    async def end(self) -> None: ...


class _FormBuilder:
    """A form on its way in: takes the parser's events and keeps what comes of them."""

    def __init__(self, reader: FormReader, named: _Fields) -> None:
        self.parts = 0
        self.fields: list[tuple[str, str]] = []
        self.files: list[tuple[str, SpooledFile]] = []
        self.sounds: list[tuple[str, Recording]] = []
        # All that were opened, also those that the form is without.
        self.spooled: list[SpooledFile] = []
        self._reader = reader
        self._named = named
        self._part: _Part | None = None

    async def take(self, event: MultipartSegment | bytes | None) -> None:
        """A part's header, a piece of its body, or its end."""
        part = self._part
        if event is None:
            assert part is not None, _HEADER_FIRST
            await part.end()
        elif isinstance(event, MultipartSegment):
            self._part = self._begin(event)
        else:
            assert part is not None, _HEADER_FIRST
            await part.take(event)

    async def whole(self, segment: MultipartSegment, content: bytes) -> None:
        """A part of which all is there."""
        part = self._begin(segment)
        if content:
            await part.take(content)
        await part.end()

    def _begin(self, segment: MultipartSegment) -> _Part:
        limits = self._reader.limits
        self.parts += 1
        if self.parts > limits.max_parts:
            raise TooLarge(f"The form has too many parts: at most {limits.max_parts} are allowed.")
        _check_header(segment, limits)
        name, filename = _unicode(segment.name), _unicode(segment.filename or "")
        if not name or not name.isprintable():
            raise _malformed("each part needs a name, of printable characters")
        plain = _BRACKETS.sub("", name) if name[-1] == "]" else name
        if plain in self._named.pictures or plain in self._named.sounds:
            return self._begin_file(plain, filename)
        longest = max(limits.max_field, _MAX_LONG_FIELD) if plain in self._named.long else limits.max_field
        return _TextPart(name, self.fields, limit=longest, labelled=segment.filename is not None)

    def _begin_file(self, name: str, filename: str) -> _Part:
        limits = self._reader.limits
        if len(self.files) + len(self.sounds) >= limits.max_files:
            raise TooLarge(f"The form has too many files: at most {limits.max_files} are allowed.", param=name)
        file = self._reader.spool.open(filename)
        self.spooled.append(file)
        if name in self._named.sounds:
            return _SoundPart(name, file, self.sounds, limits=limits)
        return _PicturePart(name, file, self.files, probe=self._reader.probe, limits=limits)


class _TextPart:
    """A text field; or, when it is ``labelled`` with a file name and no short text, a file that nobody asked for."""

    def __init__(self, name: str, fields: list[tuple[str, str]], *, limit: int, labelled: bool) -> None:
        self._name = name
        self._fields = fields
        self._limit = limit
        self._labelled = labelled
        self._data = bytearray()
        self._skipped = False

    async def take(self, data: bytes) -> None:
        if len(self._data) + len(data) <= self._limit:
            self._data += data
        elif self._labelled:
            self._skipped = True
        else:
            raise TooLarge(f"'{self._name}' is too long: at most {self._limit:,} bytes are allowed.", param=self._name)

    async def end(self) -> None:
        self._fields.append((self._name, "" if self._skipped else self._text()))

    def _text(self) -> str:
        try:
            return self._data.decode()
        except UnicodeDecodeError as error:
            if self._labelled:
                return ""
            raise InvalidRequest(f"'{self._name}' is not valid UTF-8. Send text as UTF-8.", param=self._name) from error


class _FilePart(ABC):
    """A file on its way into the spool."""

    def __init__(self, name: str, file: SpooledFile, *, limits: Uploads) -> None:
        self._name = name
        self._file = file
        self._limits = limits

    async def take(self, data: bytes) -> None:
        size = self._file.size
        if size + len(data) > self._limits.max_file:
            raise TooLarge(
                f"'{self._name}' is too large: a file may have at most {self._limits.max_file:,} bytes.",
                param=self._name,
            )
        await self._file.append(data)
        if size < _GLANCE <= self._file.size:
            await self._glance()

    async def end(self) -> None:
        if self._file.size or self._file.filename:
            await self._keep()

    @abstractmethod
    async def _glance(self) -> None:
        """Spares everybody the rest of a file whose beginning condemns it."""

    @abstractmethod
    async def _keep(self) -> None:
        """Takes the file, now that it is whole."""


class _PicturePart(_FilePart):
    """A picture."""

    def __init__(
        self, name: str, file: SpooledFile, files: list[tuple[str, SpooledFile]], *, probe: Probe, limits: Uploads
    ) -> None:
        super().__init__(name, file, limits=limits)
        self._files = files
        self._probe = probe

    async def _keep(self) -> None:
        await self._file.finish(self._examine)
        self._files.append((self._name, self._file))

    async def _glance(self) -> None:
        try:
            await self._file.inspect(self._examine)
        except InvalidImage as error:
            # Any other refusal may come of what has not arrived yet.
            if error.code in _CERTAIN_EARLY:
                raise

    def _examine(self, file: BinaryIO) -> PictureInfo:
        try:
            return self._probe(file, max_pixels=self._limits.max_pixels)
        except InvalidImage as error:
            raise InvalidImage(error.message, param=self._name, code=error.code) from error


class _SoundPart(_FilePart):
    """A sound."""

    def __init__(self, name: str, file: SpooledFile, sounds: list[tuple[str, Recording]], *, limits: Uploads) -> None:
        super().__init__(name, file, limits=limits)
        self._sounds = sounds

    async def _keep(self) -> None:
        self._sounds.append((self._name, Recorded(self._file, await self._heard())))

    async def _glance(self) -> None:
        await self._heard()

    async def _heard(self) -> SoundInfo:
        return await self._file.inspect(partial(listen, filename=self._file.filename))


def _check_header(segment: MultipartSegment, limits: Uploads) -> None:
    header: list[tuple[str, str]] = segment.headerlist
    size = 0
    for name, value in header:
        size += len(name) + len(value) + _LINE_OVERHEAD
        if "\n" in value:
            raise _malformed("its lines must end in CR LF")
    if size > limits.max_part_header:
        raise _header_too_large(limits.max_part_header)


def _check_complete(parser: FormParser, boundary: str) -> None:
    try:
        parser.close()
    except MultipartError as error:
        raise _malformed(f"it breaks off before the boundary that closes it, '--{boundary}--'") from error


def _malformed(why: str) -> InvalidRequest:
    return InvalidRequest(f"The multipart body is malformed: {why}.", code="invalid_multipart")


def _header_too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"The header of a part is too large: at most {MAX_HEADER_LINES} lines and {limit:,} bytes are allowed."
    )


def _boundary(content_type: str | None) -> str:
    kind, _, parameters = (content_type or "").partition(";")
    if kind.strip().lower() != _FORM:
        told = "it has no Content-Type" if content_type is None else f"its Content-Type is {kind.strip()[:100]!r}"
        raise InvalidRequest(f"Send the request as {_FORM}: {told}.", code="unsupported_content_type")
    match = _BOUNDARY.search(f";{parameters}")
    boundary = (match[1] or match[2] or "") if match else ""
    if not _SANE_BOUNDARY.fullmatch(boundary):
        raise InvalidRequest(
            f"The Content-Type {_FORM} needs a boundary of 1 to 70 characters. Leave the header to your HTTP client, "
            "which writes it together with the body.",
            code="unsupported_content_type",
        )
    return boundary


def _unicode(text: str) -> str:
    """What a header meant, which was read as Latin-1; a file name in an old encoding must not fail the request."""
    return text if text.isascii() else text.encode("latin-1").decode(errors="replace")
