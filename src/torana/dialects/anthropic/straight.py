"""The straight way: what two who both speak this dialect say passes through, and what was used is read on the side."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from torana.core.errors import UpstreamCut
from torana.core.exchange import Event
from torana.dialects.anthropic.faults import fault_of_event
from torana.dialects.anthropic.manner import Manner
from torana.dialects.anthropic.replies import Told, Used, read_answer, read_told
from torana.dialects.steps import Received, unreadable
from torana.dialects.ways import Answered, Asking, At, Consumption, Relay, Way
from torana.families.language.asked import LanguageRequest, frame
from torana.families.language.saying import Tokens

_BYTES_OF_A_TOKEN = 4


class _Count(msgspec.Struct):
    input_tokens: int


def straight(manner: Manner) -> Way:
    """The way of ``messages``, in one's manner."""

    def way(request: LanguageRequest, at: At) -> Asking:
        def relay() -> Relay:
            return _Passing(len(request.raw))

        message = manner.message(request.body, at, stream=request.stream)
        return Asking(message, _plain, relay=relay if request.stream else None)

    return way


def counting(manner: Manner) -> Way:
    """The way of ``messages.count_tokens``, in one's manner: nothing is used."""

    def way(request: LanguageRequest, at: At) -> Asking:
        return Asking(manner.message(request.body, at, stream=False), _counted)

    return way


def _plain(received: Received) -> Answered:
    usage = read_answer(received.body).usage
    return Answered(received.body, Consumption(usage.tokens.charged if usage else {}))


def _counted(received: Received) -> Answered:
    try:
        msgspec.json.decode(received.body, type=_Count)
    except (ValueError, RecursionError) as error:
        raise unreadable() from error
    return Answered(received.body)


@dataclass(slots=True)
class _Passing:
    """Events on their way through. Those before the first content wait for it, because until then it may yet fail."""

    asked: int
    """Bytes of the request."""
    _waiting: list[bytes] = field(default_factory=list)
    _open: bool = False
    """Whether there was content."""
    _used: Used = field(default_factory=Used)
    _heard: int = 0
    """Bytes of words that came."""
    _counted: bool = False
    _ended: bool = False

    def take(self, event: Event) -> Iterable[bytes]:
        """The event, or all that waited for it."""
        told = read_told(event.data)
        kind = told.type or event.name
        self._note(kind, told, event)
        passed = _frame(kind, event.data)
        if self._open or kind.startswith("content_block") or kind in {"message_delta", "message_stop"}:
            yield from self._released()
            yield passed
        elif kind != "ping":
            self._waiting.append(passed)

    def close(self) -> Iterable[bytes]:
        """Nothing more; UpstreamCut where there should have been."""
        if not self._ended:
            raise UpstreamCut("The upstream broke off its answer.")
        return ()

    @property
    def used(self) -> Consumption:
        """The upstream's word, when it has said it; until then its word on what went in, and an estimate."""
        tokens = self._used.tokens
        if not self._counted:
            tokens = Tokens(
                text_in=tokens.text_in if tokens.input else self.asked // _BYTES_OF_A_TOKEN,
                cached_in=tokens.cached_in,
                cache_write_in=tokens.cache_write_in,
                text_out=max(tokens.output, self._heard // _BYTES_OF_A_TOKEN),
            )
        return Consumption(tokens.charged)

    @property
    def ended(self) -> bool:
        """Whether the upstream has said all."""
        return self._ended

    def _note(self, kind: str, told: Told, event: Event) -> None:
        match kind:
            case "error":
                raise fault_of_event(event.data)
            case "message_start" if told.message and told.message.usage:
                self._used = told.message.usage
            case "content_block_delta" if told.delta:
                more = told.delta
                self._heard += len((more.text or more.thinking or more.partial_json or "").encode())
            case "message_delta" if told.usage:
                self._used, self._counted = self._used.later(told.usage), True
            case "message_stop":
                self._ended = True

    def _released(self) -> Iterator[bytes]:
        self._open = True
        yield from self._waiting
        self._waiting.clear()


def _frame(kind: str, data: bytes) -> bytes:
    # Data of several lines is told line by line.
    return frame(data.replace(b"\n", b"\ndata: "), kind)
