import asyncio
import io
import json
import logging
import subprocess
import sys
from typing import Any

import pytest

from torana.core.clock import FakeClock
from torana.core.exchange import Usage
from torana.telemetry.logs import HOLD, Forwarding, Level, Logger, forward_standard_logging, log_request, make_logger
from torana.telemetry.record import Record

NOW = 1_800_000_000.25


class Stream(io.StringIO):
    """A stream that is, or is not, a person's terminal."""

    def __init__(self, *, terminal: bool = False) -> None:
        super().__init__()
        self.terminal = terminal
        self.flushed = ""

    def isatty(self) -> bool:
        return self.terminal

    def flush(self) -> None:
        self.flushed = self.getvalue()

    @property
    def lines(self) -> list[str]:
        return self.getvalue().removesuffix("\n").split("\n")

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


@pytest.fixture
def stream():
    return Stream()


@pytest.fixture
def logger(stream):
    return Logger("json", "debug", clock=FakeClock(NOW), stream=stream)


def text_logger(stream: Stream) -> Logger:
    return Logger("text", "info", clock=FakeClock(NOW), stream=stream)


def test_an_event_is_one_json_object(logger, stream):
    logger.warning("worker_replaced", kind="lost", count=2, why=None)
    assert stream.events == [
        {
            "time": "2027-01-15T08:00:00.250+00:00",
            "level": "warning",
            "event": "worker_replaced",
            "kind": "lost",
            "count": 2,
        }
    ]


def test_nothing_waits_in_a_buffer(logger, stream):
    logger.info("one")
    assert stream.flushed == stream.getvalue() != ""


@pytest.fixture
def clock():
    return FakeClock(NOW)


@pytest.fixture
def gathering(stream, clock):
    """A logger that has lines wait for others."""
    return Logger("json", "info", clock=clock, stream=stream, gathers=True)


async def test_lines_wait_for_others_for_a_moment(gathering, stream):
    gathering.info("one")
    log_request(gathering, Record(FakeClock(), "req_1", "GET", "/x"))
    assert stream.getvalue() == ""
    await asyncio.sleep(2 * HOLD)
    assert [event["event"] for event in stream.events] == ["one", "request"]
    assert stream.flushed == stream.getvalue()
    gathering.info("two")
    await asyncio.sleep(2 * HOLD)
    assert len(stream.events) == 3


async def test_what_is_wrong_is_told_at_once_and_in_its_place(gathering, stream):
    for level in ("warning", "error"):
        gathering.info("before")
        getattr(gathering, level)("now")
    gathering.info("later")
    assert [event["event"] for event in stream.events] == ["before", "now", "before", "now"]


async def test_no_more_waits_than_has_room(gathering, stream):
    for _ in range(200):
        gathering.info("long", text="x" * 500)
    assert 64 * 1024 < len(stream.getvalue()) < 70 * 1024
    gathering.flush()
    assert len(stream.events) == 200


async def test_a_line_takes_those_with_it_that_are_late(gathering, stream, clock):
    gathering.info("one")
    clock.advance(HOLD)
    gathering.info("two")
    assert [event["event"] for event in stream.events] == ["one", "two"]


def test_nothing_waits_where_nobody_would_come_back_to_it(gathering, stream):
    gathering.info("one")
    assert [event["event"] for event in stream.events] == ["one"]


async def test_nothing_waits_any_more_when_it_is_closed(gathering, stream):
    gathering.info("one")
    gathering.close()
    gathering.info("two")
    assert [event["event"] for event in stream.events] == ["one", "two"]


async def test_a_log_that_nobody_takes_stops_no_loop(gathering, stream, monkeypatch):
    def gone(_):
        raise BrokenPipeError

    with monkeypatch.context() as gap:
        gap.setattr(stream, "write", gone)
        gathering.info("one")
        failed = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context))
        await asyncio.sleep(2 * HOLD)
    gathering.warning("two")
    assert ([event["event"] for event in stream.events], failed) == (["two"], [])


def test_what_waits_when_the_process_ends_is_written():
    program = """
import asyncio
from torana.core.clock import SystemClock
from torana.telemetry.logs import make_logger
async def main():
    make_logger("json", "info", SystemClock()).info("last")
asyncio.run(main())
"""
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stderr
    assert [json.loads(line)["event"] for line in told.splitlines()] == ["last"]


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (0.0, "1970-01-01T00:00:00.000+00:00"),
        (1_800_000_000.9999, "2027-01-15T08:00:00.999+00:00"),
        (1_800_000_001.0, "2027-01-15T08:00:01.000+00:00"),
    ],
)
def test_times_are_told_to_the_millisecond(stream, clock, logger, now, told):
    clock.advance(now - NOW)
    Logger("json", "info", clock=clock, stream=stream).info("one")
    assert stream.events[0]["time"] == told


def test_long_texts_of_a_request_are_cut(logger, stream):
    for length in (512, 513):
        log_request(logger, Record(FakeClock(), "r", "G", "x" * length))
    assert [event["path"] for event in stream.events] == ["x" * 512, "x" * 512 + "..."]


def test_a_request_is_one_line_of_text_for_a_person(stream):
    log_request(text_logger(stream), Record(FakeClock(), "req_1", "GET", "/a\nb"))
    told = "seconds=0.0 request_id=req_1 method=GET path=/a\\nb status=0 bytes_in=0 bytes_out=0"
    assert stream.lines == [f"2027-01-15T08:00:00.250+00:00 info    request {told}"]


def test_all_of_a_request_is_told_to_a_person(stream):
    clock = FakeClock()
    record = Record(clock, "req_1", "POST", "/x")
    record.use(Usage(tokens={"text_in": 3, "text_out": 4}))
    for seconds in (1, 0.25):
        with record.stage("attempt"):
            clock.advance(seconds)
    record.first_piece = 1.00001
    record.end()
    log_request(text_logger(stream), record)
    told = stream.lines[0].partition(" status=0 ")[2]
    assert told == "bytes_in=0 bytes_out=0 tokens={'input': 3, 'output': 4} first_piece=1.0 stages={'attempt': 0.25}"


@pytest.mark.parametrize("form", ["json", "text"])
async def test_a_line_that_cannot_be_made_is_lost_alone_and_said(stream, form):
    logger = Logger(form, "info", clock=FakeClock(NOW), stream=stream, gathers=True)
    for name, path in (("req_1", "/x"), ("req_2", "/\ud800"), ("req_3", "/y")):
        log_request(logger, Record(FakeClock(), name, "GET", path))
    logger.flush()
    first, second, third = stream.lines
    assert "/x" in first
    assert "/y" in third
    for told in ("line_lost", "error", "req_2", "UnicodeEncodeError"):
        assert told in second
    assert "req_1" not in second


@pytest.mark.parametrize(
    ("least", "written"),
    [
        ("debug", ["info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_what_matters_less_than_the_level_is_not_written(stream, least: Level, written):
    logger = Logger("json", least, clock=FakeClock(), stream=stream)
    logger.info("i")
    logger.warning("w")
    logger.error("e")
    assert [event["level"] for event in stream.events] == written


@pytest.mark.parametrize(("length", "kept"), [(512, "x" * 512), (513, "x" * 512 + "..."), (10**6, "x" * 512 + "...")])
def test_long_texts_are_cut(logger, stream, length, kept):
    logger.info("request", path="x" * length)
    assert stream.events[0]["path"] == kept


@pytest.mark.parametrize("sly", ['a\n{"event":"forged"}', "a\r\nb", "a\u2028b", "\x1b[2Jgone", 'quo"ted\\'])
def test_a_callers_text_stays_on_its_line(logger, stream, sly):
    logger.info("request", path=sly)
    assert stream.getvalue().count("\n") == 1
    assert stream.events[0]["path"] == sly

    plain = Stream()
    text_logger(plain).info("request", path=sly)
    assert len(plain.lines) == 1
    assert plain.lines[0].isprintable()


def test_text_for_a_person(stream):
    text_logger(stream).warning("no_credentials", account="lab", why=None, grün="ö")
    assert stream.lines == ["2027-01-15T08:00:00.250+00:00 warning no_credentials account=lab grün=ö"]


@pytest.mark.parametrize("terminal", [True, False])
def test_auto_is_text_in_a_terminal_and_json_elsewhere(terminal):
    stream = Stream(terminal=terminal)
    Logger("auto", "info", clock=FakeClock(), stream=stream).info("started")
    assert stream.getvalue().startswith("{") != terminal


SECRET = "the caller's secret"


def failing(depth: int = 0) -> None:
    if depth:
        deeper(depth - 1)
    raise LookupError(SECRET)


def deeper(depth: int) -> None:
    """In turns, because Python tells of a line that repeats itself only a few times."""
    failing(depth)


def failure(depth: int = 0) -> LookupError:
    with pytest.raises(LookupError) as raised:
        failing(depth)
    return raised.value


def test_a_failure_is_told_by_class_and_place_without_its_message(logger, stream):
    logger.failure("unexpected", failure(), request_id="req_1")
    (event,) = stream.events
    assert (event["level"], event["exception"], event["request_id"]) == ("error", "LookupError", "req_1")
    assert f'File "{__file__}"' in event["trace"]
    assert "in failing" in event["trace"]
    assert SECRET not in stream.getvalue()


def test_a_deep_trace_keeps_its_end(logger, stream):
    logger.failure("unexpected", failure(depth=300))
    trace = stream.events[0]["trace"]
    assert len(trace) <= 8_000
    assert trace.rstrip().endswith("raise LookupError(SECRET)")


def test_a_trace_is_for_reading_in_text(stream):
    text_logger(stream).failure("unexpected", failure(), request_id="req_1")
    first, *trace = stream.lines
    assert first.endswith("error   unexpected request_id=req_1 exception=LookupError")
    assert "in failing" in "\n".join(trace)


@pytest.mark.parametrize(
    ("status", "error", "level"),
    [
        (200, None, "info"),
        (404, "not_found", "info"),
        (499, "client_gone", "info"),
        (500, "internal_error", "error"),
        (503, None, "info"),
    ],
)
def test_a_request_is_one_line(logger, stream, status, error, level):
    clock = FakeClock()
    record = Record(clock, "req_1", "POST", "/v1/images/variations")
    record.status, record.error = status, error
    with record.stage("read"):
        clock.advance(0.12345)
    record.bytes_in, record.bytes_out = 10, 20
    record.attempts.append(("lab/redux", "upstream_timeout"))
    record.end()
    log_request(logger, record)
    (event,) = stream.events
    del event["time"]
    assert event == {
        "level": level,
        "event": "request",
        "request_id": "req_1",
        "method": "POST",
        "path": "/v1/images/variations",
        "status": status,
        **({"error": error} if error else {}),
        "seconds": 0.1235,
        "bytes_in": 10,
        "bytes_out": 20,
        "stages": {"read": 0.1235},
        "failed_attempts": [["lab/redux", "upstream_timeout"]],
    }


def test_credentials_that_an_upstream_refuses_are_an_alert_of_their_own(logger, stream):
    record = Record(FakeClock(), "req_1", "POST", "/x")
    record.status = 200
    record.attempts += [("lab/redux", "upstream_auth"), ("lab/other", "upstream_timeout")]
    log_request(logger, record)
    alert, line = stream.events
    assert (alert["level"], alert["event"], alert["target"]) == ("error", "credentials_refused", "lab/redux")
    assert (alert["request_id"], line["event"], line["level"]) == ("req_1", "request", "info")


def test_all_that_is_known_of_a_request_is_told(logger, stream):
    record = Record(FakeClock(), "req_1", "POST", "/x")
    record.operation, record.principal = "images.variations", "ada"
    record.model, record.target = "vary", "lab/redux"
    record.error, record.reason, record.client_retry = "invalid_api_key", "expired", 2
    log_request(logger, record)
    told = stream.events[0]
    names = ("operation", "principal", "model", "target", "error", "reason", "client_retry")
    assert [told[name] for name in names] == [
        "images.variations", "ada", "vary", "lab/redux", "invalid_api_key", "expired", 2,
    ]  # fmt: skip


def test_the_gateways_logger_writes_to_standard_error(capsys):
    make_logger("json", "info", FakeClock()).info("started")
    out, err = capsys.readouterr()
    assert (out, json.loads(err)["event"]) == ("", "started")


@pytest.fixture
def root():
    """The root of all logging, given back as it was."""
    found, ours = logging.getLogger(), logging.getLogger("torana")
    handlers, levels = found.handlers[:], (found.level, ours.level)
    found.handlers.clear()
    yield found
    found.handlers[:] = handlers
    found.setLevel(levels[0])
    ours.setLevel(levels[1])


@pytest.fixture
def library(logger, root):
    """The logging of some library, which comes to our logger."""
    root.addHandler(Forwarding(logger))
    root.setLevel(logging.INFO)
    return logging.getLogger("some.library")


@pytest.mark.parametrize(
    ("level", "told"),
    [(logging.CRITICAL, "error"), (logging.ERROR, "error"), (logging.WARNING, "warning"), (logging.INFO, "info")],
)
def test_what_libraries_say_is_a_line_of_ours(library, stream, level, told):
    library.log(level, "%d of\n%s", 1, "them")
    (event,) = stream.events
    del event["time"]
    assert event == {"level": told, "event": "log", "source": "some.library", "message": "1 of\nthem"}


def test_an_exception_that_a_library_tells_of_comes_without_its_message(library, stream):
    try:
        failing()
    except LookupError:
        library.exception("it went wrong")
    (event,) = stream.events
    assert (event["exception"], event["message"], event["level"]) == ("LookupError", "it went wrong", "error")
    assert "in failing" in event["trace"]
    assert SECRET not in stream.getvalue()


def test_every_line_of_the_process_is_ours(logger, stream, root):
    forward_standard_logging(logger)
    logging.getLogger("some.library").info("what nobody asked")
    logging.getLogger("some.library").warning("what matters")
    logging.getLogger("torana.some.room").info("what we do")
    assert [event["message"] for event in stream.events] == ["what matters", "what we do"]
