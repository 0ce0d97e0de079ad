"""A response told as it comes, and one that is there told once more.

Source: OpenAI's API reference, "Streaming events": every event has a name and a sequence number, and none says DONE.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from torana.families.language.asked import Spoken, frame
from torana.families.language.responses.composing import Composer, Telling
from torana.families.language.responses.telling import ended, opened, summarised
from torana.families.language.responses.toolbox import names_of
from torana.families.language.saying import Begun, Happening
from torana.families.language.voice import Occasion

LAST = ("response.completed", "response.incomplete", "response.failed")
"""The events that a response ends with; each has all of it."""
_LAST_FRAMES = tuple(f"event: {name}\ndata: ".encode() for name in LAST)


@dataclass(slots=True)
class ResponseTeller:
    """Tells one response as events."""

    occasion: Occasion
    _composer: Composer = field(init=False)
    _response: dict[str, Any] = field(init=False)
    _count: int = 0

    def __post_init__(self) -> None:
        names = names_of(self.occasion.request.body.get("tools"))
        self._composer = Composer(self.occasion.id, summarised(self.occasion), names)
        self._response = opened(self.occasion)

    def tell(self, happening: Happening) -> Iterable[bytes]:
        """The frames that a happening comes to."""
        if isinstance(happening, Begun):
            self._response["model"] = happening.model or self._response["model"]
        if not self._count:
            yield self._frame(("response.created", {"response": self._response}))
            yield self._frame(("response.in_progress", {"response": self._response}))
        for telling in self._composer.take(happening):
            yield self._frame(telling)

    def close(self) -> Iterable[bytes]:
        """The last frames: the response, whole."""
        for telling in self._composer.close():
            yield self._frame(telling)
        response = ended(self._response, self._composer)
        yield self._frame((f"response.{response['status']}", {"response": response}))

    def _frame(self, telling: Telling) -> bytes:
        framed = numbered(telling, self._count)
        self._count += 1
        return framed


def numbered(telling: Telling, number: int) -> bytes:
    """An event with its place among the others."""
    kind, members = telling
    return frame(msgspec.json.encode({"type": kind, **members, "sequence_number": number}), kind)


class _Ended(msgspec.Struct):
    response: msgspec.Raw


def whole(pieces: bytes) -> bytes | None:
    """The response that a stream's last event holds; None where there is none among these frames."""
    for mark in _LAST_FRAMES:
        before, found, after = pieces.rpartition(mark)
        if found and (not before or before.endswith(b"\n")):
            try:
                return bytes(msgspec.json.decode(after.partition(b"\n\n")[0], type=_Ended).response)
            except ValueError:
                return None
    return None


def fold(_request: object, pieces: Sequence[bytes]) -> Spoken:
    """The response that was told as it came."""
    return Spoken(whole(b"".join(pieces)) or b"")


def replay(data: bytes, after: int = -1) -> Iterable[bytes]:
    """A whole response as events, those that follow the one of that number."""
    response: dict[str, Any] = msgspec.json.decode(data)
    for number, telling in enumerate(_tellings(response)):
        if number > after:
            yield numbered(telling, number)


def _tellings(response: Mapping[str, Any]) -> Iterable[Telling]:
    begun = {**response, "status": "in_progress", "output": [], "usage": None, "completed_at": None}
    begun |= {"error": None, "incomplete_details": None}
    yield "response.created", {"response": begun}
    yield "response.in_progress", {"response": begun}
    for index, item in enumerate(response.get("output") or ()):
        growing = {**item, "status": "in_progress"} | _EMPTY.get(item.get("type"), {})
        yield "response.output_item.added", {"output_index": index, "item": growing}
        yield from _growing(item, {"item_id": item.get("id", ""), "output_index": index})
        yield "response.output_item.done", {"output_index": index, "item": item}
    yield f"response.{response.get('status', 'completed')}", {"response": dict(response)}


_EMPTY: Mapping[object, dict[str, Any]] = {
    "message": {"content": []},
    "function_call": {"arguments": ""},
    "custom_tool_call": {"input": ""},
    "reasoning": {"summary": []},
}


def _growing(item: Mapping[str, Any], at: dict[str, Any]) -> Iterable[Telling]:
    if item.get("type") == "function_call":
        arguments = item.get("arguments", "")
        yield "response.function_call_arguments.delta", at | {"delta": arguments}
        yield "response.function_call_arguments.done", at | {"name": item.get("name", ""), "arguments": arguments}
    if item.get("type") == "custom_tool_call":
        yield "response.custom_tool_call_input.delta", at | {"delta": item.get("input", "")}
        yield "response.custom_tool_call_input.done", at | {"input": item.get("input", "")}
    for index, part in enumerate(item.get("summary") or ()):
        within = at | {"summary_index": index}
        text = part.get("text", "")
        yield "response.reasoning_summary_part.added", within | {"part": part | {"text": ""}}
        yield "response.reasoning_summary_text.delta", within | {"delta": text}
        yield "response.reasoning_summary_text.done", within | {"text": text}
        yield "response.reasoning_summary_part.done", within | {"part": part}
    if item.get("type") in {"message", "reasoning"}:
        for index, part in enumerate(item.get("content") or ()):
            yield from _part(part, at | {"content_index": index})


def _part(part: Mapping[str, Any], within: dict[str, Any]) -> Iterable[Telling]:
    kind = str(part.get("type"))
    member = "refusal" if kind == "refusal" else "text"
    text = part.get(member, "")
    extra = {"logprobs": part.get("logprobs") or []} if kind == "output_text" else {}
    yield "response.content_part.added", within | {"part": {**part, member: ""}}
    yield f"response.{kind}.delta", within | {"delta": text} | extra
    yield f"response.{kind}.done", within | {member: text} | extra
    yield "response.content_part.done", within | {"part": dict(part)}
