"""The upstream's part, played on the loopback by a fixture."""

import asyncio
import base64
import io
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from PIL import Image

from tests.conformance.fixture import Case, Exchange, Expected, Said
from tests.upstream.wire import Request, Wire, upstream
from torana.core.exchange import Partial

_MADE = re.compile(r"\$(BASE64|DATA_URI|LINK)\((\d+)x(\d+)\)")
Tamper = Callable[[int, bytes], bytes]
"""Given the index of an exchange and the reply as it would go out, the reply as it does."""


def picture(width: int, height: int) -> bytes:
    """A picture that an upstream made."""
    file = io.BytesIO()
    Image.radial_gradient("L").resize((width, height)).convert("RGB").save(file, "PNG", compress_level=1)
    return file.getvalue()


def filled(value: Any, host: str) -> Any:
    """A reply's value with its placeholders filled."""
    if isinstance(value, dict):
        return {name: filled(each, host) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, host) for each in value]
    if not isinstance(value, str):
        return value

    def made(match: re.Match[str]) -> str:
        if match[1] == "LINK":
            return f"http://{host}/made/{match[2]}x{match[3]}.png"
        text = base64.b64encode(picture(int(match[2]), int(match[3]))).decode()
        return f"data:image/png;base64,{text}" if match[1] == "DATA_URI" else text

    return _MADE.sub(made, value.replace("$ORIGIN", f"http://{host}"))


def written(said: Said, host: str) -> bytes:
    """The reply as it goes out."""
    kind, body = "application/json", json.dumps(filled(said.json, host)).encode()
    if said.picture is not None:
        width, height = map(int, said.picture.split("x"))
        kind, body = "image/png", picture(width, height)
    elif said.text is not None:
        kind, body = "text/plain", filled(said.text, host).encode()
    headers = {"content-type": kind, "content-length": str(len(body)), **filled(said.headers, host)}
    lines = [f"HTTP/1.1 {said.status} {HTTPStatus(said.status).phrase}", *(f"{n}: {v}" for n, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


@dataclass
class Stage:
    """What was heard, and what was amiss in it."""

    case: Case
    tamper: Tamper
    key: str | None
    host: str = ""
    heard: list[Request] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    used: dict[int, int] = field(default_factory=dict)
    fetched: int = 0
    shown: list[Partial] = field(default_factory=list)
    """Previews that the client got."""

    async def play(self, wire: Wire) -> None:
        """One connection."""
        while True:
            request = await wire.request()
            method, path, _ = request.line.split(" ")
            if path.startswith("/made/"):
                await wire.say(self._made(request, path))
                continue
            self.heard.append(request)
            index = self._fitting(method, path)
            if index is None:
                self.wrong.append(f"nobody expected {request.line}")
                await wire.say(written(Said(status=404, json={}), self.host))
                continue
            self.used[index] = self.used.get(index, 0) + 1
            exchange = self.case.exchange[index]
            self.wrong += mismatches(exchange.expect, request)
            if exchange.expect.keyless and self.key is not None and self.key in request.head:
                self.wrong.append(f"our key went along with {request.line}")
            reply = written(exchange.reply, self.host)
            said = self.tamper(index, reply)
            await wire.say(said)
            if said != reply and len(said) < len(reply):
                await wire.hang_up()
                return

    def _fitting(self, method: str, path: str) -> int | None:
        """The first exchange of that line not used yet, else the last of them once more: polls go on."""
        fitting = [i for i, each in enumerate(self.case.exchange) if _is_line(each, method, path)]
        fresh = [index for index in fitting if index not in self.used]
        return next(iter(fresh), fitting[-1] if fitting else None)

    def _made(self, request: Request, path: str) -> bytes:
        self.fetched += 1
        if self.key is not None and self.key in request.head:
            self.wrong.append("our key went to a link for a picture")
        return self.tamper(-1, written(Said(picture=path.removeprefix("/made/").removesuffix(".png")), self.host))


def _is_line(exchange: Exchange, method: str, path: str) -> bool:
    pattern = re.escape(exchange.expect.path).replace(r"\$ANY", r"[^/?&]+")
    return exchange.expect.method == method and re.fullmatch(pattern, path) is not None


def mismatches(expected: Expected, request: Request) -> list[str]:
    """What a request has that was not expected, or lacks."""
    headers = dict(request.headers)
    wrong = [
        f"header {name}: {headers.get(name)!r}, not {value!r}"
        for name, value in expected.headers.items()
        if not _alike(value, headers.get(name))
    ]
    if expected.raw:
        return wrong + ([] if _is_picture(request.body) else ["the body is no picture"])
    if expected.form is not None:
        heard: Any = _form(request)
        wanted: Any = {name: each if isinstance(each, list) else [each] for name, each in expected.form.items()}
    elif expected.json is not None:
        heard, wanted = json.loads(request.body), expected.json
    else:
        return wrong + ([f"a body: {request.body[:80]!r}"] if request.body else [])
    return wrong + _differences(wanted, heard, "body")


def _differences(wanted: Any, heard: Any, where: str) -> list[str]:
    if isinstance(wanted, dict) and isinstance(heard, dict):
        names = wanted.keys() | heard.keys()
        missing = object()
        return [
            told
            for name in sorted(names)
            for told in _differences(wanted.get(name, missing), heard.get(name, missing), f"{where}.{name}")
        ]
    if isinstance(wanted, list) and isinstance(heard, list) and len(wanted) == len(heard):
        pairs = enumerate(zip(wanted, heard, strict=True))
        return [told for index, (a, b) in pairs for told in _differences(a, b, f"{where}[{index}]")]
    return [] if _alike(wanted, heard) else [f"{where}: heard {str(heard)[:80]!r}, not {str(wanted)[:80]!r}"]


def _alike(wanted: Any, heard: Any) -> bool:
    match wanted:
        case "$ANY":
            return heard is not None and type(heard) is not object
        case "$PROMPT":
            return isinstance(heard, str) and "version of this image" in heard
        case "$BASE64":
            return isinstance(heard, str) and _is_picture(base64.b64decode(heard, validate=True))
        case "$DATA_URI":
            head, _, text = str(heard).partition(";base64,")
            return head.startswith("data:image/") and _is_picture(base64.b64decode(text, validate=True))
        case _:
            return type(wanted) is type(heard) and bool(wanted == heard)


def _is_picture(data: bytes) -> bool:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return True


def _form(request: Request) -> dict[str, list[str]]:
    kind, _, boundary = dict(request.headers)["content-type"].partition("; boundary=")
    assert kind == "multipart/form-data"
    first, *found, last = (b"\r\n" + request.body).split(f"\r\n--{boundary}".encode())
    assert (first, last) == (b"", b"--\r\n")
    form: dict[str, list[str]] = {}
    for part in found:
        head, _, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = head.decode().split('name="')[1].split('"')[0]
        is_file = b'filename="' in head
        assert not is_file or _is_picture(data)
        form.setdefault(name, []).append("$FILE" if is_file else data.decode())
    return form


@asynccontextmanager
async def stage(case: Case, key: str | None, tamper: Tamper = lambda _index, reply: reply) -> AsyncIterator[Stage]:
    """An upstream that plays a case's part."""
    playing = Stage(case, tamper, key)
    async with upstream(playing.play) as up:
        playing.host = up.host
        try:
            yield playing
        finally:
            # A connection that is accepted in this very turn of the loop is handed over before the one after the next.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
