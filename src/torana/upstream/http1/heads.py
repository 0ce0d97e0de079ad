"""Requests' heads as bytes: nothing in them can end a line or make two readers differ over what belongs to whom."""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, urlsplit

from torana.core.exchange import Message
from torana.upstream.client import Origin

DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VISIBLE = "".join(map(chr, range(0x21, 0x7F)))
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
# What a reply may be compressed as, where it would unfold to, is not ours to bound: we ask for none.
_OURS = (("accept", "*/*"), ("accept-encoding", "identity"), ("user-agent", "torana"))
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
        self._begun: dict[tuple[str, str, tuple[tuple[str, str], ...]], tuple[str, frozenset[str]]] = {}

    def head(self, message: Message, headers: Iterable[tuple[str, str]], length: int) -> bytes:
        """The head of ``message``, with its own headers, the origin's and ``headers``, up to the empty line.

        ValueError for what no head can carry; it shows nothing of it.
        """
        key = (message.method, message.path, message.headers)
        begun = self._begun.get(key)
        if begun is None:
            begun = self._begin(message)
            if len(self._begun) >= _REMEMBERED:
                self._begun.clear()
            self._begun[key] = begun
        text, missing = begun
        for name, value in headers:
            text += _line(name, value)
            if name in missing or name.lower() in missing:
                missing -= {name.lower()}
        if missing:
            text += _ALL_OURS if len(missing) == len(_OURS) else _lines_of(missing)
        if length or message.body or message.method not in _BODILESS:
            return f"{text}content-length: {length}\r\n\r\n".encode()
        return f"{text}\r\n".encode()

    def _begin(self, message: Message) -> tuple[str, frozenset[str]]:
        """What every head of such a message begins with, and those of our own headers that are still to come."""
        if not _TOKEN.fullmatch(message.method):
            raise ValueError("a method that no head can carry")
        path, _, _ = message.path.partition("#")
        target = quote(f"{self._path}/{path.removeprefix('/')}", safe=_VISIBLE)
        given = (*message.headers, *self._origin.headers)
        lines = "".join(_line(name, value) for name, value in given)
        missing = {name for name, _ in _OURS} - {name.lower() for name, _ in given}
        return f"{message.method} {target} HTTP/1.1\r\nhost: {self._host}\r\n{lines}", frozenset(missing)


def _lines_of(missing: frozenset[str]) -> str:
    return "".join([f"{name}: {value}\r\n" for name, value in _OURS if name in missing])


_ALL_OURS = _lines_of(frozenset(name for name, _ in _OURS))


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
