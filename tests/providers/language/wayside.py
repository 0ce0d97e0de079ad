"""A dialect of no vendor's, for the tests of how any is spoken: words in, words out, one word for each event."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec
from msgspec import structs

from tests.providers.lab import http
from tests.upstream.wire import Request, Wire, upstream
from torana.config.upstreams import Account
from torana.core.errors import UpstreamCut
from torana.core.exchange import Context, Event, Opening, Reply, Show, Usage
from torana.dialects.steps import Received, json_message
from torana.dialects.ways import Answered, Asking, At, Consumption
from torana.families.language.asked import LanguageRequest, Spoken, frame
from torana.providers.base import Lent, Provider
from torana.providers.language import Language, language_only

ASKED = LanguageRequest("chat.completions", "vary", {"words": "hi", "max_tokens": 9}, b'{"words":"hi"}')
STREAMED = structs.replace(ASKED, stream=True)


@dataclass
class Words:
    """Passes words on, and counts them."""

    count: int = 0
    ended: bool = False

    def take(self, event: Event) -> Iterable[bytes]:
        if event.data == b"END":
            self.ended = True
        elif event.data:
            self.count += 1
            yield frame(event.data.upper())

    def close(self) -> Iterable[bytes]:
        if not self.ended:
            raise UpstreamCut("The upstream broke off its answer.")
        yield frame(b"BYE")

    @property
    def used(self) -> Consumption:
        return Consumption({"text_in": 1, "text_out": self.count})


def way(request: LanguageRequest, at: At) -> Asking:
    """The only way there is."""
    body = {"model": at.model, "words": request.body["words"], **at.parameters}

    def plain(received: Received) -> Answered:
        told = received.read(dict[str, str])
        return Answered(msgspec.json.encode(told), Consumption({"text_in": 1, "text_out": 2}))

    return Asking(
        json_message("POST", "/say", body, *at.forwarded),
        plain,
        relay=Words if request.stream else None,
        emulated=("politeness",),
        ignored=("max_tokens",),
    )


def sound(request: LanguageRequest, at: At) -> Asking:
    """Words in, bytes out."""
    asking = way(request, at)
    return structs.replace(asking, relay=None, raw=True, used=Consumption({"characters": 2}))


LANGUAGE = Language(ways={"chat.completions": way, "audio.speech": sound}, base_url="http://vendor.example")


@dataclass
class Client:
    """What a client sees of an answer that comes in pieces."""

    opening: Opening | None = None
    pieces: list[bytes] = field(default_factory=list)
    used: list[Callable[[], Usage]] = field(default_factory=list)
    seen: asyncio.Event = field(default_factory=asyncio.Event)

    def open(self, opening: Opening) -> Show:
        assert self.opening is None
        self.opening = opening
        return self.show

    async def show(self, piece: bytes) -> None:
        self.pieces.append(piece)
        self.seen.set()

    @property
    def context(self) -> Context:
        return Context("ada", open=self.open, used=self.used.append)


@dataclass
class Vendor:
    """An upstream, the account that we have there, and what it was asked."""

    provider: Provider
    requests: list[Request]

    async def say(
        self, request: LanguageRequest = ASKED, client: Client | None = None, **context: object
    ) -> Reply[Spoken]:
        told = structs.replace((client or Client()).context, **context)
        reply: Reply[Spoken] = await self.provider.operations[request.operation](request, "wordy", told)
        return reply


@asynccontextmanager
async def vendor(
    lent: Lent, answer: bytes | Callable[[Wire], Awaitable[None]], language: Language = LANGUAGE, **account: object
) -> AsyncIterator[Vendor]:
    """An upstream that answers each request so; ``account`` is settings of ours."""
    requests: list[Request] = []

    async def script(wire: Wire) -> None:
        while True:
            requests.append(await wire.request())
            await (wire.say(answer) if isinstance(answer, bytes) else answer(wire))

    async with upstream(script) as up:
        settings = {"type": "wordy", "base_url": f"http://{up.host}", **account}
        declared = language_only(type="wordy", summary="Words.", language=language)
        yield Vendor(declared.build(Account(**settings), "key", lent), requests)  # type: ignore[arg-type]  # as above


def events(*words: str) -> bytes:
    """A stream that says these."""
    return http("".join(f"data: {word}\n\n" for word in words), kind="text/event-stream")
