"""Gemini's answers understood: a whole one is a stream of one piece."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from torana.core.errors import UpstreamError
from torana.core.exchange import Event
from torana.dialects.gemini.faults import meant
from torana.dialects.gemini.replies import Candidate, FunctionCall, Part, Reply
from torana.dialects.gemini.settings import answering_tool
from torana.dialects.refusals import filtered
from torana.dialects.steps import unreadable
from torana.families.language.saying import (
    Begun,
    Counted,
    Delta,
    Ended,
    Happening,
    PartBegun,
    PartWhole,
    Sealed,
    Stop,
    Utterance,
    fold,
)
from torana.families.language.words import Conversation, Media, Reasoning, Text, ToolCall

_ENDS: dict[str, Stop] = {
    "STOP": "end", "MAX_TOKENS": "length", "CONTINUATION": "length", "IMAGE_OTHER": "end", "NO_IMAGE": "end",
}  # fmt: skip
"""What is none of these, nor of the next, is a filter of one kind or another."""
_BROKEN = frozenset({
    "MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "MISSING_THOUGHT_SIGNATURE", "TOO_MANY_TOOL_CALLS",
    "UNEXPECTED_TOOL_CALL",
})  # fmt: skip
"""Reasons to finish that come of a model's or a server's own mistake."""
_UNSAID = "FINISH_REASON_UNSPECIFIED"
_ID_BYTES = 12


def decode(body: bytes, conversation: Conversation) -> Utterance:
    """A whole answer; UpstreamError where it makes no sense."""
    happened = list(Hearing(conversation).hear(Event("message", body)))
    if not any(isinstance(happening, Ended) for happening in happened):
        raise unreadable()
    return fold(happened)


@dataclass(slots=True)
class Hearing:
    """Understands the pieces of one answer."""

    conversation: Conversation
    _answers: dict[int, "_Answer"] = field(default_factory=dict)
    _begun: bool = False
    _ended: list[Ended] = field(default_factory=list)
    """Ends that nobody was told of yet."""
    _over: set[int] = field(default_factory=set)

    def hear(self, event: Event) -> Iterable[Happening]:
        """What a piece says; what its error means, where it is one, and Moderated where the prompt was refused."""
        reply = _read(event)
        if reply.error is not None:
            raise meant(reply.error, reply.error.http_status)
        if not self._begun:
            self._begun = True
            yield Begun(reply.response_id, reply.model_version)
        if reply.usage_metadata is not None:
            yield Counted(reply.usage_metadata.tokens)
        if not reply.candidates and reply.prompt_feedback is not None and reply.prompt_feedback.block_reason:
            raise filtered()
        candidates = reply.candidates or []
        # Google leaves out what is zero; where none is numbered, they are in their order.
        numbered = any(candidate.index for candidate in candidates)
        for place, candidate in enumerate(candidates):
            index = (0 if numbered else place) if candidate.index is None else candidate.index
            yield from self._candidate(index, candidate, reply)
        if self._over.issuperset(self._answers):
            # A stream that breaks off after one of several answers has not ended.
            yield from self._ended
            self._ended.clear()

    @property
    def ended(self) -> bool:
        """Never: the connection's end is the stream's."""
        return False

    def _candidate(self, index: int, candidate: Candidate, reply: Reply) -> Iterator[Happening]:
        answer = self._answers.setdefault(index, _Answer(self.conversation, index, reply.response_id or ""))
        for happening in answer.hear(candidate):
            if not isinstance(happening, Ended):
                yield happening
            elif index not in self._over:
                self._over.add(index)
                self._ended.append(happening)


@dataclass(slots=True)
class _Answer:
    """One of the answers, as it grows."""

    conversation: Conversation
    index: int
    reply_id: str
    calls: int = 0
    growing: type[Text | Reasoning] | None = None
    """What the next words may be more of."""

    def hear(self, candidate: Candidate) -> Iterator[Happening]:
        """What a piece of it says."""
        parts = (candidate.content.parts if candidate.content else None) or []
        likely = candidate.logprobs_result.told if candidate.logprobs_result else ()
        words = [part for part in parts if part.text and not part.thought]
        for part in parts:
            yield from self._part(part, likely if words and part is words[-1] else ())
        if candidate.finish_reason not in {None, _UNSAID}:
            yield Ended(self._stop(str(candidate.finish_reason)), answer=self.index)

    def _part(self, part: Part, likely: tuple[dict[str, object], ...]) -> Iterator[Happening]:
        if part.function_call is not None:
            yield from self._call(part.function_call, part.thought_signature)
        elif part.inline_data is not None:
            self.growing = None
            # Pictures among its thoughts are drafts.
            if not part.thought:
                kind = part.inline_data.mime_type or "image/png"
                medium = kind.partition("/")[0]
                seen = Media(
                    medium if medium in {"image", "audio", "video"} else "file",  # type: ignore[arg-type]
                    base64=part.inline_data.data,
                    media_type=kind,
                )
                yield PartWhole(seen, self.index)
        elif part.text:
            yield from self._words(part.text, Reasoning if part.thought else Text, likely)
        if part.thought and part.thought_signature and self.growing is Reasoning:
            yield Sealed(part.thought_signature, self.index)

    def _words(
        self, text: str, kind: type[Text | Reasoning], likely: tuple[dict[str, object], ...] = ()
    ) -> Iterator[Happening]:
        if self.growing is not kind:
            self.growing = kind
            yield PartBegun(kind(""), self.index)
        yield Delta(text, self.index, likely)

    def _call(self, call: FunctionCall, seal: str | None) -> Iterator[Happening]:
        arguments = msgspec.json.encode(call.args or {}).decode()
        if call.name == answering_tool(self.conversation):
            yield from self._words(arguments, Text)
            return
        self.growing = None
        if self.calls and self.conversation.choice.parallel is False:
            # One at a time was asked for; the model will want the others again.
            return
        self.calls += 1
        name = call.id or self._id(call.name, arguments)
        yield PartBegun(ToolCall(name, call.name, "", seal), self.index)
        yield Delta(arguments, self.index)

    def _id(self, name: str, arguments: str) -> str:
        """A name for a call that has none: the same whenever the answer is read, and no other's in the conversation."""
        turn = len(self.conversation.turns)
        told = msgspec.json.encode([self.reply_id, turn, self.index, self.calls, name, arguments])
        return f"call_{hashlib.blake2b(told, digest_size=_ID_BYTES).hexdigest()}"

    def _stop(self, reason: str) -> Stop:
        if reason in _BROKEN:
            raise UpstreamError(
                f"The upstream's model could not finish its answer ({reason}).", code="upstream_invalid_reply"
            )
        stop = _ENDS.get(reason, "filter")
        return "tool" if stop == "end" and self.calls else stop


def _read(event: Event) -> Reply:
    try:
        return msgspec.json.decode(event.data, type=Reply)
    except (ValueError, RecursionError) as error:
        raise unreadable() from error
