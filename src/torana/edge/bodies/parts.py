"""The parts of a form on their way in: texts, and files into the spool, nothing beyond the settings."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Protocol

from torana.config.model import Uploads
from torana.core.content import PictureInfo, Recording, SoundInfo
from torana.core.errors import InvalidImage, InvalidRequest, TooLarge
from torana.edge.bodies.arrival import Arrival
from torana.edge.bodies.arriving import Arriving
from torana.edge.bodies.splitting import Event, FormSplitter, Label, malformed
from torana.media.probe.ahead import foretell
from torana.media.probe.sound import listen
from torana.storage.spool import Seat, Spool, SpooledFile

GLANCE = 64 * 1024
"""Bytes of a file after which it is looked at for the first time."""
_MAX_PREAMBLE = 64 * 1024
_MAX_LONG_FIELD = 4 * 1024**2
_CERTAIN_EARLY = frozenset({"invalid_image_format", "image_too_large"})


class Probe(Protocol):
    """Tells what a picture is by its first bytes, or raises InvalidImage."""

    def __call__(self, file: BinaryIO, *, max_pixels: int) -> PictureInfo:
        """``file`` is seekable and stands at its start."""
        ...


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
class Fields:
    """The names of a form's fields that are no short texts."""

    files: frozenset[str]
    sounds: frozenset[str]
    """Those of the files that are sounds; all others are pictures."""
    long: frozenset[str]


class FormBuilder:
    """A form on its way in: takes the parser's events and keeps what comes of them."""

    def __init__(self, limits: Uploads, spool: Spool, probe: Probe, named: Fields) -> None:
        self.parts = 0
        self.fields: list[tuple[str, str]] = []
        self.files: list[tuple[str, SpooledFile]] = []
        self.sounds: list[tuple[str, Recording]] = []
        # All that were opened, also those that the form is without.
        self.spooled: list[SpooledFile] = []
        # The memory that is theirs alone, where there is some.
        self.seat: Seat | None = None
        self._limits = limits
        self._spool = spool
        self._probe = probe
        self._named = named
        self._part: _TextPart | _FilePart | None = None

    @property
    def picture(self) -> "PicturePart | None":
        """The picture that is coming in, if it is one."""
        return self._part if isinstance(self._part, PicturePart) else None

    def take(self, event: Event) -> Awaitable[None] | None:
        """What has come of the form; gives what is to be awaited then, if there is something."""
        if isinstance(event, tuple):
            return self._whole(*event)
        if isinstance(event, Label):
            self._part = self._begin(event)
            return None
        part = self._part
        assert part is not None, "a label comes first"
        if event is not None:
            return part.take(event)
        self._part = None
        return part.end()

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
        file = self._spool.open(filename, self.seat)
        self.spooled.append(file)
        if name in self._named.sounds:
            return _SoundPart(name, file, self.sounds, limits=limits)
        return PicturePart(name, file, self.files, probe=self._probe, limits=limits)


@dataclass(frozen=True, slots=True)
class Intake:
    """A form as it comes in: its bytes, what takes them apart, and what keeps what comes of them."""

    arrival: Arrival
    splitter: FormSplitter
    builder: FormBuilder

    async def take(self, chunk: bytes) -> None:
        """The next bytes."""
        builder = self.builder
        for event in self.splitter.parse(chunk):
            work = builder.take(event)
            if work is not None:
                await work
        if builder.parts == 0 and self.arrival.received > _MAX_PREAMBLE:
            boundary = self.splitter.boundary
            raise malformed(f"it does not begin with the boundary {boundary!r} that the Content-Type names")


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
        self.name = name
        self._file = file
        self._limits = limits

    @property
    def come(self) -> int:
        """How many bytes of it are there."""
        return self._file.size

    async def take(self, data: bytes) -> None:
        """More of it has come."""
        size = self._file.size
        if size + len(data) > self._limits.max_file:
            raise TooLarge(
                f"'{self.name}' is too large: a file may have at most {self._limits.max_file:,} bytes.",
                param=self.name,
            )
        await self._file.append(data)
        if size < GLANCE <= self._file.size:
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


class PicturePart(_FilePart):
    """A picture."""

    def __init__(
        self, name: str, file: SpooledFile, files: list[tuple[str, SpooledFile]], *, probe: Probe, limits: Uploads
    ) -> None:
        super().__init__(name, file, limits=limits)
        self.arriving: Arriving | None = None
        """The picture as it is read already, where it is."""
        self._files = files
        self._probe = probe

    def arrive(self, size: int) -> Arriving | None:
        """From now on it may be read as one of ``size`` bytes; None where what is there does not say what it will be.

        Only what is in memory can be looked at here.
        """
        if self._file.at_hand() is not None:
            foretold = self._file.look(partial(foretell, size=size, max_pixels=self._limits.max_pixels))
            self.arriving = None if foretold is None else Arriving(self._file, size, foretold)
        return self.arriving

    async def take(self, data: bytes) -> None:
        """More of it has come."""
        await super().take(data)
        if self.arriving is not None:
            self.arriving.grown()

    async def _keep(self) -> None:
        await self._file.finish(self._examine)
        self._files.append((self.name, self._file))

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
            raise InvalidImage(error.message, param=self.name, code=error.code) from error


class _SoundPart(_FilePart):
    """A sound."""

    def __init__(self, name: str, file: SpooledFile, sounds: list[tuple[str, Recording]], *, limits: Uploads) -> None:
        super().__init__(name, file, limits=limits)
        self._sounds = sounds

    async def _keep(self) -> None:
        self._sounds.append((self.name, Recorded(self._file, await self._heard())))

    async def _glance(self) -> None:
        await self._heard()

    async def _heard(self) -> SoundInfo:
        return await self._file.inspect(partial(listen, filename=self._file.filename))
