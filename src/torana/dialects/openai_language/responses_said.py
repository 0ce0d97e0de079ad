"""A response as what was said: the whole object, and its events.

Source: OpenAI's package, ``Response`` and ``ResponseStreamEvent``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Struct

from torana.core.exchange import Event
from torana.dialects.openai_language.manner import PLAIN, Manner, Path
from torana.dialects.openai_language.responses import PATH, UsageTold
from torana.dialects.openai_language.responses_asked import encoding
from torana.dialects.openai_language.responses_failed import ErrorEvent, Failure, failed
from torana.dialects.steps import unreadable
from torana.dialects.translated import Listener, Tongue
from torana.families.language.saying import (
    Begun,
    Counted,
    Delta,
    Ended,
    Happening,
    PartBegun,
    PartWhole,
    Said,
    Sealed,
    Stop,
    Utterance,
)
from torana.families.language.words import Conversation, Part, Reasoning, Refusal, Text, ToolCall

_BETWEEN = "\n\n"
"""Between thoughts."""
_LAST = frozenset({"response.completed", "response.incomplete", "response.failed"})
_EARLY = frozenset({"response.created", "response.queued", "response.in_progress"})


class _Content(Struct):
    type: str = ""
    text: str = ""
    refusal: str = ""
    logprobs: list[dict[str, Any]] | None = None


class _Item(Struct):
    type: str = ""
    id: str | None = None
    call_id: str | None = None
    name: str = ""
    arguments: str = ""
    content: list[_Content] | None = None
    summary: list[_Content] | None = None
    encrypted_content: str | None = None


class _Incomplete(Struct):
    reason: str | None = None


class _Response(Struct):
    id: str | None = None
    model: str | None = None
    status: str | None = None
    error: Failure | None = None
    incomplete_details: _Incomplete | None = None
    output: list[_Item] | None = None
    usage: UsageTold | None = None


class _Told(Struct):
    type: str = ""
    item: _Item | None = None
    part: _Content | None = None
    response: _Response | None = None
    delta: str = ""
    text: str = ""
    summary_index: int = 0
    content_index: int = 0
    logprobs: list[dict[str, Any]] | None = None


def decode(body: bytes, _conversation: Conversation) -> Utterance:
    """The whole answer; UpstreamError where it makes no sense."""
    response = _read(body, _Response)
    if response.error is not None or response.status == "failed":
        raise failed(response.error or Failure())
    if response.output is None:
        raise unreadable()
    parts = tuple(part for item in response.output for part in _parts(item))
    logprobs = tuple(
        _chance(logprob)
        for item in response.output
        for content in item.content or ()
        for logprob in content.logprobs or ()
    )
    said = Said(parts, _stop(response, parts), logprobs=logprobs)
    tokens = response.usage.tokens if response.usage else None
    return Utterance((said,), response.id, response.model, tokens)


def _parts(item: _Item) -> Iterable[Part]:
    match item.type:
        case "message":
            for content in item.content or ():
                yield Refusal(content.refusal) if content.type == "refusal" else Text(content.text)
        case "function_call":
            yield ToolCall(item.call_id or item.id or "", item.name, item.arguments)
        case "reasoning":
            text = _BETWEEN.join(part.text for part in (*(item.summary or ()), *(item.content or ())) if part.text)
            seal = item.encrypted_content
            if text:
                yield Reasoning(text, signature=seal, id=item.id)
            elif seal is not None:
                yield Reasoning(sealed=seal, id=item.id)
        case _:
            pass


def _stop(response: _Response, parts: Iterable[Part]) -> Stop:
    if response.status == "incomplete":
        why = response.incomplete_details.reason if response.incomplete_details else None
        return "filter" if why == "content_filter" else "length"
    kinds = {type(part) for part in parts}
    if ToolCall in kinds:
        return "tool"
    return "refusal" if Refusal in kinds else "end"


def _chance(logprob: Mapping[str, Any]) -> Mapping[str, Any]:
    """A token's chance as chat has it."""
    token = str(logprob.get("token", ""))
    told = logprob.get("top_logprobs")
    top = [each for each in told if isinstance(each, dict)] if isinstance(told, list) else []
    return {
        "token": token,
        "logprob": logprob.get("logprob", 0.0),
        "bytes": logprob.get("bytes") or list(token.encode()),
        "top_logprobs": [_chance(each) for each in top],
    }


@dataclass(slots=True)
class ResponseListener:
    """Understands one response's events."""

    _begun: bool = False
    _id: str | None = None
    _model: str | None = None
    _grown: str = ""
    """What grew of the item that is open: ``text``, ``call``, ``thought``."""
    _place: tuple[str, int] | None = None
    """Which thought it is."""
    _kinds: list[Part] = field(default_factory=list)
    _ended: bool = False

    @property
    def ended(self) -> bool:
        """Whether the upstream has said all."""
        return self._ended

    def hear(self, event: Event) -> Iterable[Happening]:
        """What an event says; a ToranaError where it says that it failed."""
        if event.data == b"[DONE]":
            return
        told = _read(event.data, _Told)
        kind = told.type or event.name
        if kind == "error":
            raise failed(_read(event.data, ErrorEvent).failure)
        if kind == "response.failed":
            raise failed((told.response and told.response.error) or Failure())
        if kind in _EARLY:
            if told.response is not None:
                self._id, self._model = told.response.id, told.response.model
            return
        if not self._begun:
            self._begun = True
            known = told.response or _Response()
            yield Begun(self._id or known.id, self._model or known.model)
        if kind in _LAST:
            yield from self._last(told.response or _Response())
        else:
            yield from self._said(kind, told)

    def _said(self, kind: str, told: _Told) -> Iterable[Happening]:
        match kind:
            case "response.output_item.added":
                yield from self._item(told.item or _Item())
            case "response.content_part.added" if told.part is not None and told.part.type != "reasoning_text":
                yield from self._begin(Refusal("") if told.part.type == "refusal" else Text(""))
            case "response.output_text.delta" | "response.refusal.delta":
                if self._grown != "text":
                    yield from self._begin(Refusal("") if "refusal" in kind else Text(""))
                yield Delta(told.delta, logprobs=tuple(_chance(each) for each in told.logprobs or ()))
            case "response.function_call_arguments.delta":
                self._place = ("arguments", 0)
                yield Delta(told.delta)
            case "response.reasoning_summary_text.delta":
                yield from self._think(told, ("summary", told.summary_index))
            case "response.reasoning_text.delta":
                yield from self._think(told, ("content", told.content_index))
            case "response.output_item.done":
                yield from self._done(told.item or _Item())
            case _:
                pass

    def _item(self, item: _Item) -> Iterable[Happening]:
        self._grown, self._place = "", None
        if item.type == "function_call":
            yield from self._begin(ToolCall(item.call_id or item.id or "", item.name, ""))
        elif item.type == "reasoning":
            self._kinds.append(Reasoning(id=item.id))

    def _begin(self, part: Text | Refusal | ToolCall) -> Iterable[Happening]:
        self._grown = "call" if isinstance(part, ToolCall) else "text"
        self._kinds.append(part)
        yield PartBegun(part)

    def _think(self, told: _Told, place: tuple[str, int]) -> Iterable[Happening]:
        if not told.delta:
            return
        if self._grown != "thought":
            self._grown = "thought"
            last = self._kinds[-1] if self._kinds else None
            yield PartBegun(last if isinstance(last, Reasoning) else Reasoning())
        elif place != self._place:
            yield Delta(_BETWEEN)
        self._place = place
        yield Delta(told.delta)

    def _done(self, item: _Item) -> Iterable[Happening]:
        """What was not told piece by piece."""
        seal = item.encrypted_content
        if item.type == "function_call" and self._grown == "call" and self._place is None and item.arguments:
            yield Delta(item.arguments)
        elif item.type == "reasoning" and self._grown == "thought":
            if seal is not None:
                yield Sealed(seal)
        elif not self._grown:
            for part in _parts(item):
                self._kinds.append(part)
                yield PartWhole(part)
        self._grown, self._place = "", None

    def _last(self, response: _Response) -> Iterable[Happening]:
        self._ended = True
        yield Ended(_stop(response, self._kinds))
        tokens = response.usage.tokens if response.usage else None
        if tokens is not None:
            yield Counted(tokens)


def listener(_conversation: Conversation) -> Listener:
    """One for each answer."""
    return ResponseListener()


def _read(data: bytes, kind: type[Any]) -> Any:  # noqa: ANN401 - of that kind
    try:
        return msgspec.json.decode(data, type=kind)
    except (ValueError, RecursionError) as error:
        raise unreadable() from error


def responses_tongue(path: Path = PATH, manner: Manner = PLAIN) -> Tongue:
    """For upstreams that answer Responses, and models that are asked in no other way."""
    return Tongue(encoding(path, manner), decode, listener)


TONGUE = responses_tongue()
"""OpenAI's own."""
