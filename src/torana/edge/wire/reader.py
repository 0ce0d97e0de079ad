"""Requests out of the bytes that come in on one connection."""

from typing import Any, Protocol
from urllib.parse import unquote

import httptools

from torana.edge.wire.known import Known, known
from torana.edge.wire.turn import Scope, Turn

_SPARES_THE_PARSER = 16 * 1024
"""Bytes of a body that are still to come, from which on they are counted rather than parsed: that saves a copy."""
_VERSIONS = frozenset({"1.0", "1.1"})
_MOST_TRIES = 8
"""Heads that are looked at closely, on a connection whose heads all differ."""


class Owner(Protocol):
    """Who hears of requests."""

    def asked(self, scope: Scope, *, keeps_alive: bool, asks: bool) -> Turn:
        """A request's head is whole; ``asks`` says whether the client waits to be told to send the body."""
        ...

    def has_enough(self) -> None:
        """More was read than is wanted for now."""
        ...

    def is_no_request(self) -> None:
        """What came is not HTTP, and nothing can be made of what follows it."""
        ...

    def has_large_head(self) -> None:
        """A head is larger than it may be, with what follows a body taken for one."""
        ...


class Reader:
    """Hears one connection out. ``base`` is what all requests' scopes have, ``most`` the bytes of a head.

    It has a parser for the heads and for all that is short, and takes long bodies by their length alone.
    """

    __slots__ = (
        "_asks", "_base", "_came", "_head", "_headers", "_is_muted", "_known", "_most", "_owner", "_parser", "_silent",
        "_state", "_straight", "_tries", "_turn", "_url", "is_deaf", "is_in_head",
    )  # fmt: skip

    def __init__(self, owner: Owner, base: Scope, state: dict[str, Any], most: int) -> None:
        self.is_in_head = False
        """Whether a request has begun whose head is not whole."""
        self.is_deaf = False
        """Whether it takes no more: the connection ends."""
        self._owner = owner
        self._base = base
        self._state = state
        self._most = most
        self._parser: Any = httptools.HttpRequestParser(self)
        self._turn: Turn | None = None
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._asks = False
        self._is_muted = False
        # Bytes that came since there was anything to show for them.
        self._silent = 0
        # Bytes that came together.
        self._came = 0
        # Bytes of the body that come without the parser.
        self._straight = 0
        # The head that is parsed, if it is to be known again, and the one that is known.
        self._head = b""
        self._known: Known | None = None
        self._tries = 0

    @property
    def turn(self) -> Turn | None:
        """The request whose body is not whole yet."""
        return self._turn

    def hear(self, data: bytes) -> None:
        """The next bytes."""
        if self._straight:
            data = self._go_straight(data)
        elif not (self._silent or self.is_in_head or self._turn is not None or self.is_deaf):
            data = self._begin(data)
        if self.is_deaf or not data:
            return
        self._came = len(data)
        self._silent += self._came
        self._parse(data)
        if self._silent > self._most:
            self._owner.has_large_head()
        elif self._turn is not None:
            self._look_ahead(self._turn)

    def hush(self) -> None:
        """Takes no more, and whoever waits for the rest of a body is not its business any more."""
        self.is_deaf = True
        self._turn = None
        self._silent = self._straight = 0

    def stop(self) -> None:
        """The same, for good. The parser and this refer to one another no more."""
        self.hush()
        self._parser = None

    # The parser's calls

    def on_message_begin(self) -> None:
        """A request begins."""
        if not self._is_muted:
            self.is_in_head = True
            self._url = b""
            self._headers = []
            self._asks = False

    def on_url(self, url: bytes) -> None:
        """A piece of what is asked for."""
        if not self._is_muted:
            self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; one after a body means nothing to anybody."""
        if self.is_in_head:
            name = name.lower()
            if name == b"expect":
                self._asks = value.lower() == b"100-continue"
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is whole."""
        if self._is_muted or self.is_deaf:
            return
        # Heads behind others count from where those end, which the parser does not tell.
        if self._silent + self._came > self._most and _size(self._url, self._headers) > self._most:
            self._owner.has_large_head()
            return
        self.is_in_head = False
        self._silent = 0
        scope = self._scope()
        if scope["http_version"] not in _VERSIONS or scope["method"] == "CONNECT":
            # The parser knows of older and newer versions, and of tunnels: each has another end than we would see.
            self._owner.is_no_request()
            return
        keeps_alive = scope["http_version"] != "1.0" and self._parser.should_keep_alive()
        if self._head and keeps_alive:
            self._known = known(self._head, scope, asks=self._asks)
        self._head = b""
        self._turn = self._owner.asked(scope, keeps_alive=keeps_alive, asks=self._asks)

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._silent = 0
        if self._turn is not None and not self._turn.is_done and self._turn.take(body):
            self._owner.has_enough()

    def on_message_complete(self) -> None:
        """The request is whole. Where another protocol was asked for, its body is still to come: see ``_stay``."""
        if self._turn is not None and (self._is_muted or not self._parser.should_upgrade()):
            self._silent = 0
            self._turn.finish()
            self._turn = None

    def _begin(self, data: bytes) -> bytes:
        """What is left of bytes at the beginning of which a request begins: all of them, if its head is not known."""
        if self._known is not None:
            found = self._known.found_in(data)
            if found is not None:
                return self._hear_known(self._known, data, *found)
        self._head = b""
        if self._tries < _MOST_TRIES:
            self._tries += 1
            end = data.find(b"\r\n\r\n")
            self._head = data[: end + 4] if end > 0 else b""
        return data

    def _hear_known(self, head: Known, data: bytes, digits: bytes, start: int) -> bytes:
        turn = self._owner.asked(head.scope(digits), keeps_alive=True, asks=head.asks)
        end = start + int(digits or b"0")
        left = end - len(data)
        if left <= 0:
            turn.take_whole(data[start:end])
            return data[end:] if left else b""
        self._turn = turn
        self._straight = left
        if left < end - start and turn.take(data[start:]):
            self._owner.has_enough()
        return b""

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as asked:
            self._stay(data[asked.args[0] :])
        except httptools.HttpParserError:
            if not self.is_deaf:
                self._owner.is_no_request()

    def _stay(self, rest: bytes) -> None:
        """Goes on in HTTP/1.1 where another protocol was asked for, as HTTP lets us: Java's client always asks.

        The parser takes the head for the end, and a new one hears how the body comes.
        """
        framing = b"".join(
            b"%b: %b\r\n" % (name, value)
            for name, value in self._headers
            if name in {b"content-length", b"transfer-encoding"}
        )
        self._parser = httptools.HttpRequestParser(self)
        self._is_muted = True
        self._parse(b"POST / HTTP/1.1\r\n%b\r\n" % framing)
        self._is_muted = False
        if rest and not self.is_deaf:
            self._parse(rest)

    def _scope(self) -> Scope:
        url = self._url
        if url.startswith(b"/") and b"#" not in url:
            raw_path, _, query = url.partition(b"?")
        else:
            parsed = httptools.parse_url(url)
            raw_path, query = parsed.path or b"/", parsed.query or b""
        path = raw_path.decode("ascii")
        root = self._base["root_path"]
        return {
            **self._base,
            "http_version": self._parser.get_http_version(),
            "method": self._parser.get_method().decode("ascii"),
            "path": root + (unquote(path) if "%" in path else path),
            "raw_path": root.encode("ascii") + raw_path,
            "query_string": query,
            "headers": self._headers,
            "state": self._state.copy(),
        }

    def _look_ahead(self, turn: Turn) -> None:
        """From here on by its length, where that is known and long."""
        for name, value in self._headers:
            if name == b"content-length":
                left = int(value) - turn.received
                self._straight = left if left > _SPARES_THE_PARSER else 0

    def _go_straight(self, data: bytes) -> bytes:
        """Takes what is the body's, and gives what follows it."""
        body, rest = (data, b"") if len(data) <= self._straight else (data[: self._straight], data[self._straight :])
        self._straight -= len(body)
        turn = self._turn
        if turn is not None and not turn.is_done and turn.take(body):
            self._owner.has_enough()
        if turn is not None and not self._straight:
            # The one so far still waits for a body.
            self._parser = httptools.HttpRequestParser(self)
            self._turn = None
            turn.finish()
        return rest


def _size(url: bytes, headers: list[tuple[bytes, bytes]]) -> int:
    return len(url) + sum(len(name) + len(value) for name, value in headers)
