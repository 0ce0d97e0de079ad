"""An upstream that speaks OpenAI's dialect, as well or badly as a test has it, and the account that we have there."""

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

import msgspec

from tests.providers.kit import CONTEXT, photo
from tests.upstream.wire import Request, Wire, upstream
from torana.config.upstreams import Account
from torana.core.content import Size
from torana.core.exchange import Reply
from torana.families.images import VARIATIONS, ImageRequest, Pictures
from torana.providers.base import Lent
from torana.providers.compatible import DECLARATIONS

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
PNG = photo(64, 48).data
OTHER = photo(64, 48, "PNG", "L").data
ASKED = ImageRequest(model="vary", images=(photo(),), size=Size(64, 48), response_format="b64_json")

Answer = Callable[[Wire, Request], Awaitable[None]]


def http(body: bytes | str, status: int = 200, kind: str = "application/json", **headers: str) -> bytes:
    data = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"content-type: {kind}", f"content-length: {len(data)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + data


def encoded(*pictures: bytes) -> bytes:
    """OpenAI's reply with these pictures in it."""
    items = [{"b64_json": base64.b64encode(picture).decode()} for picture in pictures]
    return http(json.dumps({"created": 1, "data": items}))


def linked(*urls: str) -> bytes:
    return http(json.dumps({"created": 1, "data": [{"url": url} for url in urls]}))


def failed(status: int, **members: object) -> bytes:
    return http(json.dumps({"error": {"message": "what the upstream says", **members}}), status)


@dataclass
class Lab:
    """An upstream, the account that we have there, and what it was asked."""

    lent: Lent
    host: str
    account: Account
    key: str | None = "lab-key"
    requests: list[Request] = field(default_factory=list)

    async def vary(self, **changes: object) -> Reply[Pictures]:
        declared = next(each for each in DECLARATIONS if each.type == "openai-compatible")
        provider = declared.build(self.account, self.key, self.lent)
        context = msgspec.structs.replace(CONTEXT, headers=(("traceparent", TRACE),))
        request = msgspec.structs.replace(ASKED, **changes)
        reply: Reply[Pictures] = await provider.operations[VARIATIONS.operation](request, "redux", context)
        return reply

    @property
    def asked(self) -> Request:
        (request,) = self.requests
        return request


@asynccontextmanager
async def lab(lent: Lent, answer: bytes | Answer, **account: object) -> AsyncIterator[Lab]:
    """An upstream that answers each request so; ``account`` is settings of ours."""

    async def script(wire: Wire) -> None:
        while True:
            request = await wire.request()
            made.requests.append(request)
            await (wire.say(answer) if isinstance(answer, bytes) else answer(wire, request))

    async with upstream(script) as up:
        settings = {"type": "openai-compatible", "base_url": f"http://{up.host}/v1", **account}
        made = Lab(lent, up.host, Account(**settings))  # type: ignore[arg-type]  # the test's own
        yield made


def parts(request: Request) -> list[tuple[dict[str, str], bytes]]:
    """The form in a request: each part's header and bytes."""
    kind, _, boundary = dict(request.headers)["content-type"].partition("; boundary=")
    assert kind == "multipart/form-data"
    first, *found, last = (b"\r\n" + request.body).split(f"\r\n--{boundary}".encode())
    assert (first, last) == (b"", b"--\r\n")
    split = [part.removeprefix(b"\r\n").partition(b"\r\n\r\n") for part in found]
    return [
        (dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")), data) for head, _, data in split
    ]


def fields(request: Request) -> dict[str, str]:
    named = [(head["content-disposition"].split('"')[1], data) for head, data in parts(request)]
    return {name: data.decode() for name, data in named if name != "image"}
