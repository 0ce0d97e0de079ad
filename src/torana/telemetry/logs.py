"""Structured logs: one line for each request, and lines for what operators must know of.

Written here in few lines, because the usual library for it draws a terminal toolkit into every gateway process.
"""

import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Literal, TextIO

import msgspec

from torana.core.clock import Clock
from torana.core.errors import UpstreamAuth
from torana.telemetry.record import Record

Level = Literal["debug", "info", "warning", "error"]

_LEVELS: tuple[Level, ...] = ("debug", "info", "warning", "error")
_MAX_TEXT = 512
_MAX_TRACE = 8_000


class Logger:
    """Writes events with their fields to a stream: a JSON object a line, or text for a person.

    Texts are cut at a fixed length, so that nothing a caller sends can fill a disk.
    """

    def __init__(self, form: Literal["auto", "json", "text"], level: Level, *, clock: Clock, stream: TextIO) -> None:
        self._as_text = form == "text" or (form == "auto" and stream.isatty())
        self._least = _LEVELS.index(level)
        self._clock = clock
        self._stream = stream

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

    def _write(self, level: Level, event: str, fields: dict[str, object], trace: str | None = None) -> None:
        if _LEVELS.index(level) < self._least:
            return
        time = datetime.fromtimestamp(self._clock.now(), UTC).isoformat(timespec="milliseconds")
        kept = {name: _bounded(value) for name, value in fields.items() if value is not None}
        if self._as_text:
            told = " ".join(f"{name}={_on_one_line(value)}" for name, value in kept.items())
            line = f"{time} {level:7} {event} {told}" + (f"\n{trace}" if trace else "")
        else:
            traced = {"trace": trace} if trace else {}
            line = msgspec.json.encode({"time": time, "level": level, "event": event, **kept, **traced}).decode()
        self._stream.write(f"{line}\n")
        self._stream.flush()


def make_logger(form: Literal["auto", "json", "text"], level: Level, clock: Clock) -> Logger:
    """The gateway's logger, on standard error."""
    return Logger(form, level, clock=clock, stream=sys.stderr)


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
    write = logger.error if record.error and record.status >= 500 else logger.info  # noqa: PLR2004 - HTTP's border
    write(
        "request",
        request_id=record.request_id,
        method=record.method,
        path=record.path,
        status=record.status,
        seconds=round(record.seconds, 4),
        operation=record.operation,
        principal=record.principal,
        model=record.model,
        target=record.target,
        error=record.error,
        reason=record.reason,
        rule=record.rule,
        conversation=record.conversation,
        cache=record.cache,
        client_retry=record.client_retry or None,
        tokens=record.tokens or None,
        first_piece=None if record.first_piece is None else round(record.first_piece, 4),
        bytes_in=record.bytes_in,
        bytes_out=record.bytes_out,
        stages={name: round(seconds, 4) for name, seconds in record.stages} or None,
        failed_attempts=record.attempts or None,
    )


def _on_one_line(value: object) -> str:
    """Text in which a caller can neither begin a line of his own nor steer a terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(value))


def _bounded(value: object) -> object:
    return f"{value[:_MAX_TEXT]}..." if isinstance(value, str) and len(value) > _MAX_TEXT else value
