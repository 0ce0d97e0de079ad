"""Structured logs: one line for each request, and lines for what operators must know of.

Written here in few lines, because the usual library for it draws a terminal toolkit into every gateway process.
"""

import asyncio
import atexit
import logging
import sys
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, Literal, TextIO

from msgspec import Raw, Struct
from msgspec.json import Decoder, Encoder

from torana.core.clock import Clock
from torana.core.errors import UpstreamAuth
from torana.telemetry.record import Record

Level = Literal["debug", "info", "warning", "error"]

_LEVELS: tuple[Level, ...] = ("debug", "info", "warning", "error")
_URGENT = frozenset({"warning", "error"})
_MAX_TEXT = 512
_SURELY_SHORT = 640
"""Bytes of a request's line in which no text can be too long: its names and numbers take more than the rest."""
_MAX_TRACE = 8_000
_HEAD = ("time", "level", "event")
HOLD = 0.05
"""Seconds for which a line waits for others at most."""
_MOST_HELD = 64 * 1024
"""Characters that wait together at most."""
_A_REQUEST = 512
"""Characters that a request's line is taken for while it is not written yet."""
_ENCODER = Encoder()
_DECODER = Decoder(dict[str, Any])
_Finished = tuple[float, Level, Record]
"""A request that is over: when, how much it matters, and what was learnt about it."""


class _Request(Struct, frozen=True, omit_defaults=True, gc=False):
    """A request's line; what it is without is not told."""

    time: str
    level: Level
    event: str
    seconds: float
    request_id: str
    method: str
    path: str
    status: int
    bytes_in: int
    bytes_out: int
    operation: str | None = None
    principal: str | None = None
    model: str | None = None
    target: str | None = None
    error: str | None = None
    reason: str | None = None
    rule: str | None = None
    conversation: str | None = None
    cache: str | None = None
    client_retry: int = 0
    tokens: dict[str, int] = {}
    failed_attempts: list[tuple[str, str]] = []
    first_piece: float | None = None
    stages: Raw | None = None


_TOLD = attrgetter(
    "request_id", "method", "path", "status", "bytes_in", "bytes_out", "operation", "principal", "model", "target",
    "error", "reason", "rule", "conversation", "cache", "client_retry", "tokens", "attempts",
)  # fmt: skip
"""What a line says as the record has it, in the line's order."""
_AS_LINE: Callable[..., _Request] = _Request


class Logger:
    """Writes events with their fields to a stream: a JSON object a line, or text for a person.

    Texts are cut at a fixed length, so that nothing a caller sends can fill a disk. Where lines are to be gathered,
    those that tell of nothing wrong are written many at once, at most ``HOLD`` seconds later, while an event loop runs
    that sees to it; warnings and errors are written at once, behind all that came before them.
    """

    def __init__(
        self,
        form: Literal["auto", "json", "text"],
        level: Level,
        *,
        clock: Clock,
        stream: TextIO,
        gathers: bool = False,
    ) -> None:
        self._as_text = form == "text" or (form == "auto" and stream.isatty())
        self._told = frozenset(_LEVELS[_LEVELS.index(level) :])
        self._clock = clock
        self._stream = stream
        self._gathers = gathers
        self._held: deque[str | _Finished] = deque()
        self._length = 0
        self._due = 0.0
        self._awaited = False
        self._second = -1
        self._until_second = ""

    def info(self, event: str, **fields: object) -> None:
        """Something that is as it should be."""
        self._write("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Something that an operator should look at."""
        self._write("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        """Something that is broken."""
        self._write("error", event, fields)

    def failure(self, event: str, error: BaseException, **fields: object) -> None:
        """A failure that nobody foresaw: its class and where it happened, not its message, which may quote anything."""
        places = "".join(traceback.format_tb(error.__traceback__))[-_MAX_TRACE:]
        self._write("error", event, {**fields, "exception": type(error).__name__}, trace=places)

    def request(self, level: Level, record: Record) -> None:
        """The line of a request that is over."""
        if level in self._told:
            now = self._clock.now()
            self._put((now, level, record), _A_REQUEST, level, now)

    def flush(self) -> None:
        """Writes what is held; OSError where nobody takes it."""
        lines: list[str] = []
        # One after the other, because another thread may do the same.
        with suppress(IndexError):
            while self._held:
                line = self._held.popleft()
                lines.append(line if isinstance(line, str) else self._request(*line))
        self._length = 0
        if lines:
            lines.append("")
            self._stream.write("\n".join(lines))
            self._stream.flush()

    def close(self) -> None:
        """From here on every line is written at once: nobody may be left to write it later."""
        self._gathers = False
        self.flush()

    def _write(self, level: Level, event: str, fields: dict[str, object], trace: str | None = None) -> None:
        if level in self._told:
            now = self._clock.now()
            line = self._event(self._time(now), level, event, fields, trace)
            self._put(line, len(line), level, now)

    def _event(
        self, time: str, level: Level, event: str, fields: Mapping[str, object], trace: str | None = None
    ) -> str:
        if self._as_text:
            kept = {name: value for name, value in fields.items() if value is not None}
            return self._text(time, level, event, kept) + (f"\n{trace}" if trace else "")
        kept = {name: _bounded(value) for name, value in fields.items() if value is not None}
        traced = {"trace": trace} if trace else {}
        return _ENCODER.encode({"time": time, "level": level, "event": event, **kept, **traced}).decode()

    def _request(self, now: float, level: Level, record: Record) -> str:
        """A request's line; where none can be made of it, one that says so: others wait beside it."""
        time = self._time(now)
        try:
            data = _ENCODER.encode(_line(record, time, level))
            if len(data) <= _SURELY_SHORT and not self._as_text:
                return data.decode()
            told = _DECODER.decode(data)
            if self._as_text:
                return self._text(time, level, "request", {name: told[name] for name in told if name not in _HEAD})
            return _ENCODER.encode({name: _bounded(value) for name, value in told.items()}).decode()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is no other line's; and it is told
            lost = {"request_id": record.request_id, "exception": type(error).__name__}
            return self._event(time, "error", "line_lost", lost)

    def _text(self, time: str, level: Level, event: str, fields: dict[str, Any]) -> str:
        told = " ".join(f"{name}={_on_one_line(_bounded(value))}" for name, value in fields.items())
        return f"{time} {level:7} {event} {told}"

    def _put(self, line: str | _Finished, length: int, level: Level, now: float) -> None:
        held = self._held
        held.append(line)
        if not self._gathers or level in _URGENT:
            self.flush()
            return
        self._length += length
        if len(held) == 1:
            self._due = now + HOLD
            self._await()
        elif self._length >= _MOST_HELD or now >= self._due:
            self.flush()

    def _await(self) -> None:
        if self._awaited:
            return
        try:
            asyncio.get_running_loop().call_later(HOLD, self._come)
        except RuntimeError:
            # Nobody is there who could come back to it.
            self.flush()
        else:
            self._awaited = True

    def _come(self) -> None:
        self._awaited = False
        # Where nobody takes the lines any more, calls go on, and there is nobody to tell either.
        with suppress(OSError):
            self.flush()

    def _time(self, now: float) -> str:
        second, milliseconds = divmod(int(now * 1000), 1000)
        if second != self._second:
            self._until_second = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            self._second = second
        return f"{self._until_second}.{milliseconds:03d}+00:00"


def make_logger(form: Literal["auto", "json", "text"], level: Level, clock: Clock) -> Logger:
    """This process's logger, on standard error; what it holds is written when the process ends by itself."""
    logger = Logger(form, level, clock=clock, stream=sys.stderr, gathers=True)
    atexit.register(logger.flush)
    return logger


class Forwarding(logging.Handler):
    """Hands what libraries and lower rooms say by the standard library's logging to our logger."""

    def __init__(self, logger: Logger) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        """One line; of an exception its class and place."""
        fields = {"source": record.name, "message": record.getMessage()}
        if record.exc_info and record.exc_info[1]:
            self._logger.failure("log", record.exc_info[1], **fields)
        elif record.levelno >= logging.ERROR:
            self._logger.error("log", **fields)
        elif record.levelno >= logging.WARNING:
            self._logger.warning("log", **fields)
        else:
            self._logger.info("log", **fields)


def forward_standard_logging(logger: Logger) -> None:
    """From here on every line of this process is one of ours: of others from warnings upwards, of our rooms all."""
    logging.basicConfig(handlers=[Forwarding(logger)], level=logging.WARNING, force=True)
    logging.getLogger("torana").setLevel(logging.INFO)


def log_request(logger: Logger, record: Record) -> None:
    """The request's one line; and one for each target that refused our credentials: that is an operator's to mend."""
    for target, code in record.attempts:
        if code == UpstreamAuth.default_code:
            logger.error("credentials_refused", request_id=record.request_id, target=target)
    # A 503 of /readyz is a fact, not a failure: those carry an error.
    logger.request("error" if record.error and record.status >= 500 else "info", record)  # noqa: PLR2004 - HTTP's border


def _line(record: Record, time: str, level: Level) -> _Request:
    first_piece, stages = record.first_piece, dict(record.stages)
    return _AS_LINE(
        time,
        level,
        "request",
        round(record.lasted, 4),
        *_TOLD(record),
        first_piece=None if first_piece is None else round(first_piece, 4),
        stages=Raw((_stages(tuple(stages)) % stages).encode()) if stages else None,
    )


@lru_cache(64)
def _stages(names: tuple[str, ...]) -> str:
    """These stages in JSON, into which their times are still to be put, in seconds."""
    return "{" + ",".join([f'"{name}":%({name}).4f' for name in names]) + "}"


def _on_one_line(value: object) -> str:
    """Text in which a caller can neither begin a line of his own nor steer a terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(value))


def _bounded(value: object) -> object:
    return f"{value[:_MAX_TEXT]}..." if isinstance(value, str) and len(value) > _MAX_TEXT else value
