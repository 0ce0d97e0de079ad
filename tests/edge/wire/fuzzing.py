"""Requests cut, mutated and dealt out in pieces, read by our reader, by its parser alone, and by h11.

Run as a program it goes on for as many seconds as it is told.
"""

import random
import sys
import time
from dataclasses import dataclass
from typing import Any

import h11
import httptools

from torana.edge.wire.reader import Reader
from torana.edge.wire.turn import Scope, Turn

MOST = 100_000
LONG = bytes(range(256)) * 80
_HEAD = b"POST /a HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nContent-Length: %d\r\n\r\n"
_CHUNKED = (
    b"POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n1f\r\n%b\r\n0\r\nt: 1\r\n\r\n"
)
_WHOLE = (
    *(_HEAD % len(body) + body for body in (b"", b"four", b"GET /no HTTP/1.1\r\nHost: x\r\n\r\n", LONG)),
    _HEAD.replace(b"Accept", b"Expect").replace(b"*/*", b"100-continue") % 2 + b"ab",
    _HEAD.replace(b"Accept: */*", b"Authorization: Bearer one") % 4 + b"mine",
    _CHUNKED % (b"x" * 31),
    b"GET /c?d=e HTTP/1.1\r\nHost: x\r\n\r\n",
    b"HEAD /c HTTP/1.1\r\nHost: x\r\nX-A: b\r\n\r\n",
    b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
)
_BITS = (
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b",", b"0", b"+", b"-", b"\r\n\r\n", b"\r\n ",
    b"Content-Length: 3\r\n",
    b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: identity\r\n", b"0\r\n\r\n",
    b"Expect: 100-continue\r\n", b"Connection: close\r\n", b"GET /in HTTP/1.1\r\nHost: x\r\n\r\n",
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """A request as somebody read it; ``body`` as far as it came."""

    method: bytes
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    is_whole: bool


@dataclass(frozen=True)
class Heard:
    """What somebody made of a connection's bytes, and whether he took offence at any of them."""

    asked: tuple[Asked, ...]
    is_refused: bool

    def __str__(self) -> str:
        told = [(one.method, one.target, len(one.body), one.is_whole) for one in self.asked]
        return f"{told}{' refused' if self.is_refused else ''}"


class _Listener:
    """Hears of our reader's requests."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.is_refused = False
        self.reader = Reader(self, {"root_path": ""}, {}, MOST)

    def asked(self, scope: Scope, *, keeps_alive: bool, asks: bool) -> Turn:
        line: Any = None
        self.turns.append(Turn(line, scope, keeps_alive=keeps_alive, asks=asks))
        return self.turns[-1]

    def has_enough(self) -> None:
        """More may come all the same."""

    def is_no_request(self) -> None:
        self.is_refused = True
        self.reader.hush()

    has_large_head = is_no_request


class _Plain:
    """Hears of the parser's requests."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._parser = httptools.HttpRequestParser(self)

    def on_message_begin(self) -> None:
        self._target, self._headers = b"", []

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.asked.append(
            Asked(self._parser.get_method(), _unasked(self._target), tuple(self._headers), b"", is_whole=False)
        )

    def on_body(self, body: bytes) -> None:
        self._told(self.asked[-1].body + body, is_whole=False)

    def on_message_complete(self) -> None:
        self._told(self.asked[-1].body, is_whole=True)

    def _told(self, body: bytes, *, is_whole: bool) -> None:
        one = self.asked[-1]
        self.asked[-1] = Asked(one.method, one.target, one.headers, body, is_whole)

    def heard(self, said: bytes) -> Heard:
        try:
            self._parser.feed_data(said)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            return Heard(tuple(self.asked), is_refused=True)
        return Heard(tuple(self.asked), is_refused=False)


def ours(pieces: list[bytes]) -> Heard:
    """What our reader makes of them; who said that a request is his last is not asked for more."""
    listener = _Listener()
    for piece in pieces:
        listener.reader.hear(piece)
    asked = []
    for turn in listener.turns:
        scope = turn.scope
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        body = b"".join(turn._pieces)
        asked.append(Asked(scope["method"].encode(), target, tuple(scope["headers"]), body, turn.is_whole))
        if not turn.keeps_alive:
            break
    return Heard(tuple(asked), listener.is_refused)


def parsed(said: bytes) -> Heard:
    """What the parser makes of them all at once."""
    return _Plain().heard(said)


def strict(said: bytes) -> Heard:
    """What h11 makes of them, as far as it likes them."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MOST)
    connection.receive_data(said)
    asked: list[Asked] = []
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                asked.append(Asked(event.method, _unasked(event.target), tuple(event.headers), b"", is_whole=False))
            elif isinstance(event, h11.Data):
                one = asked[-1]
                asked[-1] = Asked(one.method, one.target, one.headers, one.body + bytes(event.data), is_whole=False)
            elif isinstance(event, h11.EndOfMessage):
                one = asked[-1]
                asked[-1] = Asked(one.method, one.target, one.headers, one.body, is_whole=True)
                if not _answered(connection):
                    break
            else:
                break
    except h11.RemoteProtocolError:
        return Heard(tuple(asked), is_refused=True)
    return Heard(tuple(asked), is_refused=False)


def _unasked(target: bytes) -> bytes:
    """A fragment, and a question mark with nothing behind it, are all of a target that is not kept."""
    plain = target.partition(b"#")[0]
    return plain.removesuffix(b"?") if plain.count(b"?") == 1 else plain


def _answered(connection: h11.Connection) -> bool:
    """Whether another request may follow, with a reply to this one."""
    connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
    connection.send(h11.EndOfMessage())
    if connection.our_state is not h11.DONE:
        return False
    connection.start_next_cycle()
    return True


def differences(pieces: list[bytes]) -> list[str]:
    """In what two read the bytes otherwise than each other, where both read them."""
    said = b"".join(pieces)
    we, parser, other = ours(pieces), parsed(said), strict(said)
    found = []
    if we.asked != parser.asked[: len(we.asked)] or (len(we.asked) < len(parser.asked) and not _may_stop(we)):
        found.append(f"the parser alone: {parser}")
    for mine, theirs in zip(we.asked, other.asked, strict=False):
        is_spoilt = (we.is_refused and mine is we.asked[-1]) or (other.is_refused and theirs is other.asked[-1])
        if _framing(mine) != _framing(theirs) and not is_spoilt:
            found.append(f"h11: {other}")
    if not other.is_refused and len(we.asked) > len(other.asked):
        found.append(f"h11 has {len(other.asked)} requests")
    return [f"{said.replace(LONG, b'<long>')!r}: ours {we}; {each}" for each in found]


def _may_stop(heard: Heard) -> bool:
    last = dict(heard.asked[-1].headers) if heard.asked else {}
    return heard.is_refused or b"connection" in last


def _framing(asked: Asked) -> tuple[bytes, bytes, tuple[tuple[bytes, bytes], ...], bytes, bool]:
    headers = tuple((name, value.strip(b" \t")) for name, value in asked.headers)
    return asked.method, asked.target, headers, asked.body, asked.is_whole


def mutated(chance: random.Random) -> list[bytes]:
    """Some requests in a row with a few accidents, in the pieces in which they come."""
    row = [chance.choice(_WHOLE) for _ in range(chance.randrange(1, 4))] * chance.randrange(1, 3)
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(row))
        row[at] = _spoilt(row[at], chance)
    said = b"".join(row)
    borders = [len(b"".join(row[:at])) for at in range(1, len(row))]
    cuts = {chance.randrange(len(said) + 1) for _ in range(chance.randrange(5))}
    cuts |= {border for border in borders if chance.randrange(2)}
    ends = [*sorted(cuts), len(said)]
    return [said[a:b] for a, b in zip([0, *ends], ends, strict=False) if a < b]


def _spoilt(said: bytes, chance: random.Random) -> bytes:
    """One accident, most often in the head."""
    at = chance.randrange(min(len(said), chance.choice((120, 10**6))) + 1)
    lines = [place + 2 for place in range(len(said) - 1) if said[place : place + 2] == b"\r\n"][:5]
    match chance.randrange(5):
        case 0:
            return said[:at] + chance.choice(_BITS) + said[at:]
        case 1:
            return said[:at] + said[at + chance.randrange(1, 6) :]
        case 2:
            return said[:at] + bytes([chance.randrange(256)]) + said[at + 1 :]
        case 3 if lines:
            line = chance.choice(lines)
            return said[:line] + chance.choice(_BITS) + said[line:]
        case _:
            return said[:at] + said[at : at + chance.randrange(1, 12)] + said[at:]


def main(seconds: float, seed: int) -> None:
    end, tried, differing = time.monotonic() + seconds, 0, 0
    while time.monotonic() < end:
        found = differences(mutated(random.Random(seed + tried)))
        tried += 1
        if found:
            differing += 1
            print(f"seed {seed + tried - 1}:", *found, sep="\n  ")  # noqa: T201 - a program
    print(f"{tried} connections, {differing} understood differently")  # noqa: T201 - a program
    sys.exit(differing > 0)


if __name__ == "__main__":
    main(float(sys.argv[1]), random.SystemRandom().randrange(2**40))
