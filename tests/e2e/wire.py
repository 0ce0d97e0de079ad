"""HTTP by hand, for what no client library would send, and a client of few words for the rest."""

import json
import select
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPResponse
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

BOUNDARY = "a-boundary"
PATH = "/v1/images/variations"
PATIENCE = 60


@dataclass(frozen=True)
class Reply:
    """A reply, its header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    """A connection on which a test writes what it likes."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.socket.sendall(piece)

    @property
    def answered(self) -> bool:
        """Whether there is anything to read."""
        return bool(select.select([self.socket], [], [], 0)[0])

    def interim(self) -> bytes:
        """An interim reply, such as 100."""
        read = b""
        while not read.endswith(b"\r\n\r\n"):
            byte = self.socket.recv(1)
            assert byte, read
            read += byte
        return read

    def reply(self, method: str = "POST") -> Reply:
        with HTTPResponse(self.socket, method=method) as response:
            response.begin()
            body = response.read()
        return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, body)


def ask(address: tuple[str, int], request: bytes, method: str = "POST") -> Reply:
    """The reply to a whole request."""
    with Connection(address) as connection:
        connection.send(request)
        return connection.reply(method)


def fetch(url: str) -> Reply:
    """The reply to a plain GET."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return ask((parts.hostname, parts.port), head({}, method="GET", path=target), "GET")


def head(headers: Mapping[str, str], *, method: str = "POST", path: str = PATH) -> bytes:
    """A request's head."""
    lines = [f"{name}: {value}\r\n" for name, value in {"Host": "gateway.test", **headers}.items()]
    return f"{method} {path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode("latin-1")


def form_headers(token: str | None) -> dict[str, str]:
    """The headers of a request with a form, but for its length."""
    entry = {} if token is None else {"Authorization": f"Bearer {token}"}
    return {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", **entry}


def post(body: bytes, token: str | None, headers: Mapping[str, str] | None = None) -> bytes:
    """A whole request with a form; ``headers`` replace what it would have by itself."""
    return head({**form_headers(token), "Content-Length": str(len(body)), **(headers or {})}) + body


def part(name: str, data: bytes | str, filename: str | None = None, *lines: str) -> bytes:
    """A part of a form."""
    label = "" if filename is None else f'; filename="{filename}"'
    top = "\r\n".join([f"--{BOUNDARY}", f'Content-Disposition: form-data; name="{name}"{label}', *lines, "", ""])
    return top.encode() + (data if isinstance(data, bytes) else data.encode()) + b"\r\n"


def chunk(data: bytes) -> bytes:
    """A piece of a body of unknown length."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def form(*parts: bytes) -> bytes:
    """A whole form."""
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
