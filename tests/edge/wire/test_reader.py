"""What is made of the bytes of one connection, however they are cut into pieces."""

import random
from collections.abc import Sequence
from typing import Any

import pytest

from tests.edge.wire.fuzzing import differences, mutated
from torana.edge.wire.reader import Reader
from torana.edge.wire.turn import Scope, Turn

CHUNKED = (
    b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\n5;a=b\r\npedia\r\n0\r\nX-Trailer: 1\r\n\r\n"
)
LONG = bytes(range(256)) * 400


class Listener:
    """Hears of requests."""

    def __init__(self, most: int = 1000, root_path: str = "") -> None:
        self.turns: list[Turn] = []
        self.asks: list[bool] = []
        self.refused: list[str] = []
        self.paused = 0
        self.reader = Reader(self, {"type": "http", "root_path": root_path}, {"a": 1}, most)

    def asked(self, scope: Scope, *, keeps_alive: bool, asks: bool) -> Turn:
        line: Any = None
        self.turns.append(Turn(line, scope, keeps_alive=keeps_alive, asks=asks))
        self.asks.append(asks)
        return self.turns[-1]

    def has_enough(self) -> None:
        self.paused += 1

    def is_no_request(self) -> None:
        self.refused.append("no request")
        self.reader.hush()

    def has_large_head(self) -> None:
        self.refused.append("large head")
        self.reader.hush()

    @property
    def heard(self) -> list[tuple[str, str, bytes, bool]]:
        return [
            (turn.scope["method"], turn.scope["path"], b"".join(turn._pieces), turn.is_whole) for turn in self.turns
        ]


def heard(pieces: Sequence[bytes], **kinds: Any) -> Listener:
    listener = Listener(**kinds)
    for piece in pieces:
        listener.reader.hear(piece)
    return listener


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def post(body: bytes, *lines: bytes) -> bytes:
    return b"\r\n".join([b"POST /p HTTP/1.1", b"Content-Length: %d" % len(body), *lines, b"", body])


@pytest.mark.parametrize("size", [1, 2, 7, 64, 10**6])
def test_requests_in_a_row_however_they_come(size):
    said = b"GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n" + post(b"four") + CHUNKED + b"HEAD / HTTP/1.1\r\n\r\n"
    listener = heard(cut(said, size))
    assert listener.heard == [
        ("GET", "/a", b"", True), ("POST", "/p", b"four", True), ("POST", "/c", b"wikipedia", True),
        ("HEAD", "/", b"", True),
    ]  # fmt: skip
    assert listener.refused == []
    scope = listener.turns[0].scope
    assert (scope["query_string"], scope["raw_path"], scope["headers"]) == (b"b=c", b"/a", [(b"host", b"x")])


@pytest.mark.parametrize("size", [1000, 16_384, 65_536, 10**6])
def test_a_long_body_is_whole_and_what_follows_it_is_the_next_request(size):
    said = post(LONG) + post(LONG[::-1]) + b"GET /a HTTP/1.1\r\n\r\n"
    assert heard(cut(said, size)).heard == [
        ("POST", "/p", LONG, True), ("POST", "/p", LONG[::-1], True), ("GET", "/a", b"", True),
    ]  # fmt: skip


def test_a_body_whose_reply_is_over_is_thrown_away():
    listener = heard([post(LONG)[:20_000]])
    (turn,) = listener.turns
    before = turn.received
    turn.is_done = True
    listener.reader.hear(post(LONG)[20_000:] + post(b"next"))
    assert (turn.received, turn.is_whole) == (before, True)
    assert listener.heard[1:] == [("POST", "/p", b"next", True)]


def test_a_body_that_nobody_takes_is_read_no_further():
    listener = heard(cut(post(LONG * 5), 65_536))
    assert listener.paused > 0


@pytest.mark.parametrize(
    "wish", [b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings", b"connection: upgrade\r\nUPGRADE: websocket"]
)
@pytest.mark.parametrize("size", [1, 50, 10**6])
def test_no_other_protocol_is_spoken(wish, size):
    said = b"Upgrade: is a word in it"
    chunked = CHUNKED.replace(b"\r\n", b"\r\n" + wish + b"\r\n", 1)
    without = b"GET /w HTTP/1.1\r\n" + wish + b"\r\n\r\n"
    listener = heard(cut(post(said, wish) + chunked + without + post(LONG, wish) + post(b"end"), size))
    assert listener.heard == [
        ("POST", "/p", said, True), ("POST", "/c", b"wikipedia", True), ("GET", "/w", b"", True),
        ("POST", "/p", LONG, True), ("POST", "/p", b"end", True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "said",
    [
        b"POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nbody",
        b"POST / HTTP/1.1\r\nContent-Length: 4, 4\r\n\r\nbody",
        b"POST / HTTP/1.1\r\nContent-Length: +4\r\n\r\nbody",
        b"POST / HTTP/1.1\r\nContent-Length: 4x\r\n\r\nbody",
        b"POST / HTTP/1.1\r\nContent-Length: -4\r\n\r\nbody",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\nbody",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length : 4\r\n\r\nbody",
        b"GET / HTTP/1.1\r\nHost: x\r\n a: folded\r\n\r\n",
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET / HTTP/1.1\r\nA\x00: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: b\x00c\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"GET /\r\n\r\n",
        b"CONNECT /p HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody",
        b"CONNECT http://there/ HTTP/1.1\r\n\r\n",
        b"GET  HTTP/1.1\r\n\r\n",
        b"GET /\xc3\xa4 HTTP/1.1\r\n\r\n",
        b"CONNECT there:443 HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
        b"\x16\x03\x01\x00",
    ],
)
@pytest.mark.parametrize("size", [1, 10**6])
def test_what_could_be_read_in_two_ways_is_no_request(said, size):
    assert heard(cut(said, size)).refused == ["no request"]


@pytest.mark.parametrize("size", [1, 100, 10**6])
@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"a" * 100) for i in range(12)) + b"\r\n",
        b"GET /" + b"a" * 2000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-Endless: " + b"a" * 3000,
    ],
    ids=["many headers", "long path", "a header without end"],
)
def test_heads_are_bounded(said, size):
    assert heard(cut(said, size)).refused == ["large head"]


@pytest.mark.parametrize("size", [1, 100])
@pytest.mark.parametrize(
    "said",
    [
        CHUNKED.removesuffix(b"\r\n") + b"X-Endless: " + b"a" * 3000,
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"a" * 3000,
    ],
    ids=["a trailer", "a chunk's words"],
)
def test_what_is_no_body_is_bounded_within_one_too(said, size):
    assert heard(cut(said, size)).refused == ["large head"]


def test_a_large_head_is_as_large_behind_another_request():
    large = b"GET / HTTP/1.1\r\nX: " + b"a" * 1100 + b"\r\n\r\n"
    listener = heard([post(b"b") + large])
    assert (len(listener.turns), listener.refused) == (1, ["large head"])


@pytest.mark.parametrize("size", [1, 100, 10**6])
def test_the_bound_is_for_each_head_alone(size):
    head = b"GET / HTTP/1.1\r\nX: " + b"a" * 900 + b"\r\n\r\n"
    listener = heard(cut(head * 5 + post(b"b" * 5000) + head, size))
    assert (len(listener.turns), listener.refused) == (7, [])


@pytest.mark.parametrize(
    ("target", "path", "raw", "query"),
    [
        (b"/a%20b/%2f?x=%20#", "/a b//", b"/a%20b/%2f", b"x=%20"),
        (b"/a?b?c", "/a", b"/a", b"b?c"),
        (b"/%c3%a4", "/ä", b"/%c3%a4", b""),
        (b"http://there/a?b", "/a", b"/a", b"b"),
        (b"http://there", "/", b"/", b""),
        (b"*", "*", b"*", b""),
        (b"//", "//", b"//", b""),
    ],
)
def test_what_is_asked_for(target, path, raw, query):
    listener = heard([b"GET %s HTTP/1.1\r\n\r\n" % target], root_path="/below")
    scope = listener.turns[0].scope
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/below" + path, b"/below" + raw, query)
    assert scope["state"] == {"a": 1}


@pytest.mark.parametrize(
    ("version", "connection", "keeps"),
    [(b"1.1", b"", True), (b"1.1", b"Connection: close\r\n", False), (b"1.0", b"", False),
     (b"1.0", b"Connection: keep-alive\r\n", False)],
)  # fmt: skip
def test_whether_another_request_may_follow(version, connection, keeps):
    listener = heard([b"GET / HTTP/%b\r\n%b\r\n" % (version, connection)])
    assert listener.turns[0].keeps_alive is keeps
    assert listener.turns[0].scope["http_version"] == version.decode()


@pytest.mark.parametrize(
    ("said", "asks"), [(b"Expect: 100-Continue\r\n", True), (b"expect: x\r\n", False), (b"", False)]
)
def test_who_waits_to_be_told_to_go_on(said, asks):
    assert heard([b"POST / HTTP/1.1\r\nContent-Length: 1\r\n%b\r\n" % said]).asks == [asks]


@pytest.mark.parametrize("size", [1, 30, 100, 20_000, 10**6])
def test_who_says_the_same_again_is_heard_as_the_first_time(size):
    """Also where he says something else in between, and with bodies of all lengths."""
    said, expected = b"", []
    for number, body in enumerate([b"four", b"", b"x" * 2000, LONG, b"y" * 99, LONG] * 3):
        said += post(body, b"X: 1", b"Y: 2")
        expected.append(("POST", "/p", body, True))
        if number % 4 == 0:
            said += b"GET /a HTTP/1.1\r\n\r\n" + CHUNKED
            expected += [("GET", "/a", b"", True), ("POST", "/c", b"wikipedia", True)]
    listener = heard(cut(said, size))
    assert listener.heard == expected
    lengths = {dict(turn.scope["headers"]).get(b"content-length", b"0") for turn in listener.turns}
    assert lengths == {b"4", b"0", b"2000", b"99", b"%d" % len(LONG)}


def test_a_head_that_is_known_is_heard_without_the_parser():
    listener = heard([post(b"one"), post(b"three")])
    parsed = listener.reader._parser
    listener.reader._parser = None
    listener.reader.hear(post(b"seven"))
    listener.reader._parser = parsed
    listener.reader.hear(b"GET / HTTP/1.1\r\n\r\n")
    assert [body for _, _, body, _ in listener.heard] == [b"one", b"three", b"seven", b""]


@pytest.mark.parametrize("line", [b"Transfer-Encoding: chunked", b"Content-Length: 9"])
def test_a_known_head_with_more_in_it_is_no_known_head(line):
    listener = heard([post(b"one"), post(b"two"), post(b"two", line)])
    assert (len(listener.turns), listener.refused) == (2, ["no request"])


@pytest.mark.parametrize("seed", range(0, 1000, 100))
def test_nothing_is_read_otherwise_than_by_others(seed):
    """More of it is in ``make fuzz``."""
    for one in range(seed, seed + 100):
        assert differences(mutated(random.Random(one))) == []
