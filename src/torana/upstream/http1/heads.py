"""Requests' heads as bytes: nothing in them can end a line or make two readers differ over what belongs to whom."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import quote, urlsplit

from torana.core.exchange import Message
from torana.upstream.client import Origin

DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VISIBLE = "".join(map(chr, range(0x21, 0x7F)))
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
# What a reply may be compressed as, where it would unfold to, is not ours to bound: we ask for none.
_OURS = (("accept", "*/*"), ("accept-encoding", "identity"), ("user-agent", "torana"))
_NAMES = frozenset(name for name, _ in _OURS)
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection", "host", "upgrade", "te", "trailer"})
_REMEMBERED = 512


class Heads:
    """Writes heads for messages to one origin. What many of them have in common is written once."""

    __slots__ = ("_begun", "_host", "_origin", "_path")

    def __init__(self, origin: Origin) -> None:
        parts = urlsplit(origin.base_url)
        assert parts.hostname is not None
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname.encode("idna").decode()
        port = parts.port or DEFAULT_PORTS[parts.scheme]
        self._host = host if port == DEFAULT_PORTS[parts.scheme] else f"{host}:{port}"
        self._path = parts.path.rstrip("/")
        self._origin = origin
        self._begun: dict[tuple[str, str, tuple[tuple[str, str], ...]], _Begun] = {}

    def head(self, message: Message, headers: Sequence[tuple[str, str]], length: int) -> bytes:
        """The head of ``message``, with its own headers, the origin's and ``headers``, up to the empty line.

        ValueError for what no head can carry; it shows nothing of it.
        """
        key = (message.method, message.path, message.headers)
        begun = self._begun.get(key)
        if begun is None:
            if len(self._begun) >= _REMEMBERED:
                self._begun.clear()
            begun = self._begun[key] = self._begin(message)
        text = begun.whole if not headers else self._with(begun, headers)
        if length or message.body or message.method not in _BODILESS:
            return b"%bcontent-length: %d\r\n\r\n" % (text, length)
        return text + b"\r\n"

    def _with(self, begun: "_Begun", headers: Sequence[tuple[str, str]]) -> bytes:
        lines = "".join([_line(name, value) for name, value in headers])
        missing = begun.missing.difference([name.lower() for name, _ in headers])
        return f"{begun.text}{lines}{_lines_of(missing)}".encode()

    def _begin(self, message: Message) -> "_Begun":
        """What every head of such a message begins with."""
        if not _TOKEN.fullmatch(message.method):
            raise ValueError("a method that no head can carry")
        path, _, _ = message.path.partition("#")
        target = quote(f"{self._path}/{path.removeprefix('/')}", safe=_VISIBLE)
        given = (*message.headers, *self._origin.headers)
        lines = "".join([_line(name, value) for name, value in given])
        missing = _NAMES - {name.lower() for name, _ in given}
        text = f"{message.method} {target} HTTP/1.1\r\nhost: {self._host}\r\n{lines}"
        return _Begun(text, missing, f"{text}{_lines_of(missing)}".encode())


class _Begun(NamedTuple):
    """How heads begin, the names of our own headers that are not in it, and how heads begin with these."""

    text: str
    missing: frozenset[str]
    whole: bytes


def _lines_of(missing: frozenset[str]) -> str:
    return "".join([f"{name}: {value}\r\n" for name, value in _OURS if name in missing])


def _line(name: str, value: str) -> str:
    if name not in _KNOWN:
        _know(name)
    if "\n" in value or "\r" in value or "\0" in value:
        raise ValueError("a header's value that no head can carry")
    return f"{name}: {value}\r\n"


_KNOWN: set[str] = set()


def _know(name: str) -> None:
    if not _TOKEN.fullmatch(name) or name.lower() in _FRAMING:
        raise ValueError("a header's name that no head can carry, or that is ours to send")
    if len(_KNOWN) >= _REMEMBERED:
        _KNOWN.clear()
    _KNOWN.add(name)
