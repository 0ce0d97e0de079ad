"""OpenAI's Responses, the straight way: what the client sends goes out as it came, and so does what is answered.

Source: OpenAI's API reference, "Responses"; Azure, xAI, OpenRouter, vLLM and others answer the same request.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Raw, Struct

from torana.core.errors import UpstreamCut
from torana.core.exchange import Event
from torana.dialects.openai_language.manner import PLAIN, Manner, Path, message, written
from torana.dialects.openai_language.responses_failed import ErrorEvent, Failure, failed
from torana.dialects.steps import Received, unreadable
from torana.dialects.ways import Answered, Asking, At, Consumption, Relay, Way
from torana.families.language.asked import LanguageRequest, frame
from torana.families.language.responses.continued import COMPACT, Continued
from torana.families.language.saying import Tokens

PATH = "/responses"
_EARLY = frozenset({"response.created", "response.queued", "response.in_progress"})
"""What is said before anything is said."""
_LAST = frozenset({"response.completed", "response.incomplete", "response.failed"})
_BYTES_OF_A_TOKEN = 4
_RECALLED = ("previous_response_id",)
_KEPT_WITH_IT = ("previous_response_id", "store")
"""Members that mean nothing to an upstream that keeps nothing."""


class Details(Struct):
    """Which tokens of a kind."""

    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


class UsageTold(Struct):
    """Tokens as the upstream counts them."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: Details | None = None
    output_tokens_details: Details | None = None

    @property
    def tokens(self) -> Tokens | None:
        """Each counted once; None where it does not say."""
        if self.input_tokens is None and self.output_tokens is None:
            return None
        details = self.input_tokens_details or Details()
        cached, written = details.cached_tokens or 0, details.cache_write_tokens or 0
        reasoning = (self.output_tokens_details or Details()).reasoning_tokens or 0
        return Tokens(
            text_in=max((self.input_tokens or 0) - cached - written, 0),
            cached_in=cached,
            cache_write_in=written,
            text_out=max((self.output_tokens or 0) - reasoning, 0),
            reasoning_out=reasoning,
        )


class _Response(Struct):
    object: str | None = None
    status: str | None = None
    error: Failure | None = None
    usage: Raw = Raw(b"null")
    output: list[Raw] | None = None


class _Told(Struct):
    type: str | None = None
    delta: str | None = None
    response: _Response | None = None


def straight(path: Path = PATH, manner: Manner = PLAIN, *, keeps: bool) -> Way:
    """The way to an upstream of this dialect; ``keeps`` says whether it remembers its answers, as OpenAI does.

    It serves compaction too, at a path below.
    """

    def way(request: LanguageRequest, at: At) -> Asking:
        asked: LanguageRequest = request
        emulated: tuple[str, ...] = ()
        if isinstance(request, Continued):
            asked, emulated = (request.sent, ()) if keeps and request.at_home else (request, _RECALLED)
        # Not told that it streams: these words tell what was used unasked.
        body, ignored = written(_members(asked, keeps=keeps), at, manner)

        def plain(received: Received) -> Answered:
            return _plain(received, manner)

        def relay() -> Relay:
            return _Straight(request.length, manner)

        where = path if isinstance(path, str) else path(at)
        return Asking(
            message(
                f"{where}/compact" if request.operation == COMPACT else where, body, at, manner, stream=request.stream
            ),
            plain,
            relay=relay if request.stream else None,
            emulated=emulated,
            ignored=ignored,
        )

    return way


def _members(request: LanguageRequest, *, keeps: bool) -> dict[str, Any]:
    members: dict[str, Any] = msgspec.json.decode(request.raw, type=dict[str, Raw])
    if isinstance(request, Continued):
        members.pop("previous_response_id", None)
        members["input"] = _portable(members["input"], same=request.at_home)
    if not keeps:
        for name in _KEPT_WITH_IT:
            members.pop(name, None)
    return members


def _portable(items: Raw, *, same: bool) -> list[Raw]:
    """Items as an upstream takes them that did not make them: it cannot read what another has sealed."""
    kept = []
    for item in msgspec.json.decode(items, type=list[Raw]):
        told = _read(item, _Item)
        if told is not None and told.type == "reasoning" and not (same and told.encrypted_content):
            continue
        kept.append(item)
    return kept


class _Item(Struct):
    type: str | None = None
    encrypted_content: str | None = None


def _plain(received: Received, manner: Manner) -> Answered:
    response = received.read(_Response)
    if response.error is not None:
        raise failed(response.error)
    if response.output is None:
        raise unreadable()
    return Answered(received.body, _consumed(response.usage, manner) or Consumption())


def _consumed(usage: Raw, manner: Manner) -> Consumption | None:
    """What was used; None where the upstream does not say."""
    told = _read(usage, UsageTold)
    tokens = told.tokens if told else None
    return tokens and Consumption(tokens.charged, manner.charged(msgspec.json.decode(usage)))


@dataclass(slots=True)
class _Straight:
    """One answer, event for event; what comes before its first word waits for that, so that it can still fail."""

    sent: int
    """Bytes of the request."""
    manner: Manner
    _waiting: list[bytes] = field(default_factory=list)
    _began: bool = False
    _heard: int = 0
    _used: Consumption | None = None
    _ended: bool = False

    def take(self, event: Event) -> Iterable[bytes]:
        if event.data == b"[DONE]":
            return
        told = _read(event.data, _Told)
        if told is None:
            raise unreadable()
        kind = told.type or event.name
        self._note(kind, told)
        if not self._began:
            self._refuse(kind, told, event)
        framed = frame(event.data, kind)
        if kind in _EARLY and not self._began:
            self._waiting.append(framed)
            return
        self._began = True
        yield from self._waiting
        self._waiting.clear()
        yield framed

    def close(self) -> Iterable[bytes]:
        if not self._ended:
            raise UpstreamCut("The upstream broke off its answer.")
        return ()

    @property
    def used(self) -> Consumption:
        if self._used is not None:
            return self._used
        seen = Tokens(text_in=self.sent // _BYTES_OF_A_TOKEN, text_out=self._heard // _BYTES_OF_A_TOKEN)
        return Consumption(seen.charged)

    @property
    def ended(self) -> bool:
        return self._ended

    def _note(self, kind: str, told: _Told) -> None:
        self._heard += len((told.delta or "").encode())
        self._ended = self._ended or kind in _LAST or kind == "error"
        if kind in _LAST and told.response is not None:
            self._used = _consumed(told.response.usage, self.manner)

    def _refuse(self, kind: str, told: _Told, event: Event) -> None:
        """Raises what an error before the first word means; later ones the client gets as they are."""
        if kind == "error":
            raise failed((_read(event.data, ErrorEvent) or ErrorEvent()).failure)
        if kind == "response.failed":
            raise failed((told.response and told.response.error) or Failure())


def _read(data: bytes | Raw, kind: type[Any]) -> Any:  # noqa: ANN401 - of that kind, or None
    try:
        return msgspec.json.decode(data, type=kind)
    except (ValueError, RecursionError):
        return None


STATEFUL: Way = straight(keeps=True)
STATELESS: Way = straight(keeps=False)
