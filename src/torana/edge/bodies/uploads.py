"""Reads ``multipart/form-data`` as it arrives: every byte once, files into the spool, nothing beyond the settings."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

from torana.config.model import Uploads
from torana.core.clock import Clock
from torana.core.content import Upload
from torana.core.errors import CallerError, InvalidRequest
from torana.core.exchange import HERE, Coming
from torana.edge.bodies.ahead import Beginning, Habits, Rest
from torana.edge.bodies.arrival import Arrival, check_length
from torana.edge.bodies.parts import GLANCE, Fields, FormBuilder, Intake, PicturePart, Probe
from torana.edge.bodies.splitting import FormSplitter
from torana.edge.exchange import Exchange
from torana.families.base import Form
from torana.storage.spool import Spool

R = TypeVar("R")

_FORM = "multipart/form-data"
_BOUNDARY = re.compile(r';\s*boundary\s*=\s*(?:"([^"]*)"|([^\s;"]*))', re.IGNORECASE)
_SANE_BOUNDARY = re.compile(r"[ -~]{0,69}[!-~]")
_LITTLE = 64 * 1024
"""Bytes that come at once where we wait for the client. Where he waits for us, it would be no gain to hand on his bytes
before he has sent the others, and cost more."""
_LATE = 2.0
"""How many times what was foreseen a picture may take that is forwarded while it comes."""


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
    habits: Habits = field(default_factory=Habits)

    def open(
        self,
        exchange: Exchange,
        files: frozenset[str],
        *,
        sounds: frozenset[str] = frozenset(),
        long: frozenset[str] = frozenset(),
    ) -> "OpenForm":
        """An exchange's form, to be read once.

        ``files`` names the fields that are pictures, ``sounds`` those that are sounds, and ``long`` the texts that may
        be longer than others.
        """
        named = Fields(files | sounds if sounds else files, sounds, long)
        return OpenForm(self, exchange, FormBuilder(self.limits, self.spool, self.probe, named))


class OpenForm:
    """A form that is there to be read, as long as its context lasts; its uploads are gone when that ends.

    Reading raises InvalidRequest, InvalidImage, TooLarge, SlowSender, WorkFailed when the disk is full, and ClientGone.
    """

    __slots__ = ("_builder", "_exchange", "_intake", "_reader", "_rest")

    def __init__(self, reader: FormReader, exchange: Exchange, builder: FormBuilder) -> None:
        self._reader = reader
        self._exchange = exchange
        self._builder = builder
        self._intake: Intake | None = None
        self._rest: Rest | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._rest is not None:
            await self._rest.stop()
        for file in self._builder.spooled:
            file.close()
        if self._builder.seat is not None:
            self._builder.seat.leave()

    @property
    def coming(self) -> Coming:
        """What is still on its way of a form whose beginning was taken up."""
        return HERE if self._rest is None else self._rest

    async def whole(self) -> Form:
        """All of it."""
        if self._rest is not None:
            await self._rest.taken()
            self._rest = None
        else:
            intake = self._intake or await self._begin()
            while chunk := await intake.arrival.piece():
                await intake.take(chunk)
            intake.splitter.close()
        return self._form()

    async def beginning(self, take: Callable[[Form], R]) -> R | None:
        """What ``take`` makes of it once nothing seems to lack but the rest of a picture, which will soon be there.

        That picture is then read while it comes. None where there is no such moment; ``whole`` gives it then, and it
        does so too where the request turned out to be another than it seemed.
        """
        intake, soon = await self._begin(), self._reader.limits.ahead
        arrival, length = intake.arrival, self._exchange.content_length
        while length and soon and self._builder.seat is not None and not arrival.ended:
            chunk = await arrival.piece()
            await intake.take(chunk)
            picture = self._builder.picture
            is_time = len(chunk) <= _LITTLE and arrival.seconds_to(length) <= soon
            if is_time and picture is not None and picture.come >= GLANCE:
                return self._ahead(intake, picture, length, take)
        return None

    def _ahead(self, intake: Intake, picture: PicturePart, length: int, take: Callable[[Form], R]) -> R | None:
        limits, habits = self._reader.limits, self._reader.habits
        like = Beginning((name for name, _ in self._builder.fields), picture.name)
        rest = intake.splitter.rest_of_part(length - intake.arrival.received)
        if rest is None or habits.misleads(like):
            return None
        arriving = picture.arrive(picture.come + rest)
        if arriving is None:
            return None
        try:
            taken = take(self._form((picture.name, arriving)))
        except CallerError:
            # What lacks may still come.
            picture.arriving = None
            return None
        self._rest = Rest(intake, arriving, within=_LATE * limits.ahead, misled=partial(habits.note, like))
        return taken

    def _form(self, *files: tuple[str, Upload]) -> Form:
        builder = self._builder
        return Form(tuple(builder.fields), (*builder.files, *files), tuple(builder.sounds))

    async def _begin(self) -> Intake:
        exchange, builder, limits = self._exchange, self._builder, self._reader.limits
        boundary = _boundary(exchange.header("content-type"))
        length = exchange.content_length
        check_length(length or 0, limits)
        arrival = Arrival(exchange.receive, limits, self._reader.clock)
        intake = self._intake = Intake(arrival, FormSplitter(boundary, limits.max_part_header), builder)
        chunk = await arrival.piece()
        if length and not arrival.ended:
            builder.seat = await self._reader.spool.seat(length)
        if chunk:
            await intake.take(chunk)
        return intake


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
