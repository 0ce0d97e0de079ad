"""Reads ``multipart/form-data`` as it arrives: every byte once, files into the spool, nothing beyond the settings."""

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Protocol

from torana.config.model import Uploads
from torana.core.clock import Clock
from torana.core.content import PictureInfo, SoundInfo
from torana.core.errors import InvalidImage, InvalidRequest, TooLarge
from torana.core.exchange import Recording
from torana.edge.bodies.arrival import Arrival, check_length
from torana.edge.bodies.splitting import Event, FormSplitter, Label, malformed
from torana.edge.exchange import Exchange
from torana.families.base import Form
from torana.media.probe.sound import listen
from torana.storage.spool import Seat, Spool, SpooledFile

_FORM = "multipart/form-data"
_BOUNDARY = re.compile(r';\s*boundary\s*=\s*(?:"([^"]*)"|([^\s;"]*))', re.IGNORECASE)
_SANE_BOUNDARY = re.compile(r"[ -~]{0,69}[!-~]")
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
        return _Opened(self, exchange, _FormBuilder(self, _Fields(files | sounds if sounds else files, sounds, long)))


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
        if self._builder.seat is not None:
            self._builder.seat.leave()

    async def _read(self) -> Form:
        exchange, builder, limits = self._exchange, self._builder, self._reader.limits
        boundary = _boundary(exchange.header("content-type"))
        check_length(exchange.content_length or 0, limits)
        arrival = Arrival(exchange.receive, limits, self._reader.clock)
        chunk = await arrival.piece()
        if exchange.content_length and not arrival.ended:
            builder.seat = await self._reader.spool.seat(exchange.content_length)
        splitter = FormSplitter(boundary, limits.max_part_header)
        while chunk:
            for event in splitter.parse(chunk):
                work = builder.take(event)
                if work is not None:
                    await work
            if builder.parts == 0 and arrival.received > _MAX_PREAMBLE:
                raise malformed(f"it does not begin with the boundary {boundary!r} that the Content-Type names")
            chunk = await arrival.piece()
        splitter.close()
        return Form(tuple(builder.fields), tuple(builder.files), tuple(builder.sounds))


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

    files: frozenset[str]
    sounds: frozenset[str]
    """Those of the files that are sounds; all others are pictures."""
    long: frozenset[str]


class _FormBuilder:
    """A form on its way in: takes the parser's events and keeps what comes of them."""

    def __init__(self, reader: FormReader, named: _Fields) -> None:
        self.parts = 0
        self.fields: list[tuple[str, str]] = []
        self.files: list[tuple[str, SpooledFile]] = []
        self.sounds: list[tuple[str, Recording]] = []
        # All that were opened, also those that the form is without.
        self.spooled: list[SpooledFile] = []
        # The memory that is theirs alone, where there is some.
        self.seat: Seat | None = None
        self._reader = reader
        self._limits = reader.limits
        self._named = named
        self._part: _TextPart | _FilePart | None = None

    def take(self, event: Event) -> Awaitable[None] | None:
        """What has come of the form; gives what is to be awaited then, if there is something."""
        if isinstance(event, tuple):
            return self._whole(*event)
        if isinstance(event, Label):
            self._part = self._begin(event)
            return None
        part = self._part
        assert part is not None, "a label comes first"
        return part.end() if event is None else part.take(event)

    def _whole(self, label: Label, content: bytes) -> Awaitable[None] | None:
        if label.filename is None and label.field not in self._named.files and len(content) <= self._limits.max_field:
            self._count()
            self.fields.append((label.name, _text(label.name, content)))
            return None
        part = self._begin(label)
        if not isinstance(part, _TextPart):
            return _taken(part, content)
        part.take(content)
        part.end()
        return None

    def _begin(self, label: Label) -> "_TextPart | _FilePart":
        self._count()
        if label.field in self._named.files:
            return self._begin_file(label.field, label.filename or "")
        longest: int = self._limits.max_field
        if label.field in self._named.long:
            longest = max(longest, _MAX_LONG_FIELD)
        return _TextPart(label.name, self.fields, limit=longest, labelled=label.filename is not None)

    def _count(self) -> None:
        self.parts += 1
        if self.parts > self._limits.max_parts:
            raise TooLarge(f"The form has too many parts: at most {self._limits.max_parts} are allowed.")

    def _begin_file(self, name: str, filename: str) -> "_FilePart":
        limits = self._limits
        if len(self.files) + len(self.sounds) >= limits.max_files:
            raise TooLarge(f"The form has too many files: at most {limits.max_files} are allowed.", param=name)
        file = self._reader.spool.open(filename, self.seat)
        self.spooled.append(file)
        if name in self._named.sounds:
            return _SoundPart(name, file, self.sounds, limits=limits)
        return _PicturePart(name, file, self.files, probe=self._reader.probe, limits=limits)


async def _taken(part: "_FilePart", content: bytes) -> None:
    if content:
        await part.take(content)
    await part.end()


class _TextPart:
    """A text field; or, when it is ``labelled`` with a file name and no short text, a file that nobody asked for."""

    def __init__(self, name: str, fields: list[tuple[str, str]], *, limit: int, labelled: bool) -> None:
        self._name = name
        self._fields = fields
        self._limit = limit
        self._labelled = labelled
        self._data: bytes | bytearray = b""
        self._skipped = False

    def take(self, data: bytes) -> None:
        if len(self._data) + len(data) <= self._limit:
            if not self._data:
                # Mostly it is all there is.
                self._data = data
            else:
                if isinstance(self._data, bytes):
                    self._data = bytearray(self._data)
                self._data += data
        elif self._labelled:
            self._skipped = True
        else:
            raise TooLarge(f"'{self._name}' is too long: at most {self._limit:,} bytes are allowed.", param=self._name)

    def end(self) -> None:
        self._fields.append((self._name, "" if self._skipped else self._text()))

    def _text(self) -> str:
        try:
            return _text(self._name, self._data)
        except InvalidRequest:
            if self._labelled:
                return ""
            raise


def _text(name: str, data: bytes | bytearray) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"'{name}' is not valid UTF-8. Send text as UTF-8.", param=name) from error


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
