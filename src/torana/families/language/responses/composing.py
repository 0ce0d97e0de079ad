"""The items of a response as they grow, and the events that tell how.

Source: OpenAI's package, ``ResponseStreamEvent`` and the types of output items; its API reference, "Streaming events".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torana.families.language.responses.sealing import sealing
from torana.families.language.responses.toolbox import Named, taken
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
    Tokens,
)
from torana.families.language.words import Media, Part, Reasoning, Refusal, Text, ToolCall

Telling = tuple[str, dict[str, Any]]
"""An event's type, and its members but for the sequence number."""
_CUT_OFF = frozenset({"length", "filter"})
_FREE = "custom_tool_call"


@dataclass(slots=True)
class Composer:
    """One response's output. Each happening gives the events that it comes to; ``output`` is whole after ``close``."""

    name: str
    """The response's own, from which its items get theirs."""
    summarised: bool = False
    """Whether thoughts are told as a summary; else as they are."""
    named: Mapping[str, Named] = field(default_factory=dict)
    """What the client calls his tools, where he does not call them as the model does."""
    output: list[dict[str, Any]] = field(default_factory=list)
    tokens: Tokens | None = None
    stop: Stop = "end"
    model: str | None = None
    refused: bool = False
    """Whether the model said itself that it will not."""
    _open: str = ""
    """What the last item is that is not done: ``message``, ``reasoning``, ``function_call``."""
    _part: dict[str, Any] | None = None
    """The part of it that grows."""
    _words: list[str] = field(default_factory=list)
    _logprobs: list[dict[str, Any]] = field(default_factory=list)

    def take(self, happening: Happening) -> Iterable[Telling]:
        """The events that a happening comes to."""
        match happening:
            case Begun(model=model):
                self.model = model
            case Counted(tokens=tokens):
                self.tokens = tokens
            case Ended(stop=stop, answer=0):
                self.stop = stop
                yield from self.close()
            case PartBegun(part=part, answer=0):
                yield from self._begin(part)
            case Delta(text=text, answer=0, logprobs=logprobs):
                yield from self._grow(text, logprobs)
            case Sealed(signature=signature, answer=0):
                self._seal(signature)
            case PartWhole(part=part, answer=0):
                yield from self._begin(part)
                yield from self._close_part() if self._open == "message" else self._close_item("completed")
            case _:
                pass

    def close(self) -> Iterable[Telling]:
        """The end of what is still open."""
        yield from self._close_item("incomplete" if self.stop in _CUT_OFF else "completed")

    @property
    def _at(self) -> dict[str, Any]:
        return {"item_id": self.output[-1]["id"], "output_index": len(self.output) - 1}

    def _within(self, part: Mapping[str, Any]) -> dict[str, Any]:
        """Where the last part is."""
        item = self.output[-1]
        if part["type"] == "summary_text":
            return self._at | {"summary_index": len(item["summary"]) - 1}
        return self._at | {"content_index": len(item["content"]) - 1}

    def _begin(self, part: Part) -> Iterable[Telling]:
        match part:
            case Text(text=text):
                yield from self._in_message({"type": "output_text", "text": "", "annotations": [], "logprobs": []})
            case Refusal(text=text):
                self.refused = True
                yield from self._in_message({"type": "refusal", "refusal": ""})
            case Reasoning(text=text):
                yield from self._close_item("completed")
                yield from self._think(part)
            case ToolCall(arguments=text):
                yield from self._close_item("completed")
                yield from self._called(part)
            case Media(medium="image", base64=data) if data:
                yield from self._close_item("completed")
                text = ""
                yield from self._item("ig", {"type": "image_generation_call", "result": data})
            case _:
                return
        if text:
            yield from self._grow(text, ())

    def _called(self, part: ToolCall) -> Iterable[Telling]:
        known = self.named.get(part.name, Named(part.name))
        call = {"call_id": part.id, "name": known.name}
        call |= {"namespace": known.namespace} if known.namespace else {}
        call |= {"signature": part.signature} if part.signature else {}
        if known.is_free:
            yield from self._item("ctc", {"type": _FREE, **call, "input": ""})
        else:
            yield from self._item("fc", {"type": "function_call", **call, "arguments": ""})

    def _in_message(self, part: dict[str, Any]) -> Iterable[Telling]:
        if self._open == "message":
            yield from self._close_part()
        else:
            yield from self._close_item("completed")
            yield from self._item("msg", {"type": "message", "role": "assistant", "content": []})
        yield from self._add(part)

    def _think(self, part: Reasoning) -> Iterable[Telling]:
        item: dict[str, Any] = {"type": "reasoning", "summary": []}
        if not self.summarised:
            item["content"] = []
        seal = sealing(part.signature, part.sealed)
        yield from self._item("rs", item | ({"encrypted_content": seal} if seal else {}))

    def _item(self, kind: str, members: dict[str, Any]) -> Iterable[Telling]:
        name = f"{kind}_t{self.name}_{len(self.output)}"
        self.output.append({"id": name, **members, "status": "in_progress"})
        self._open = members["type"]
        yield "response.output_item.added", {"output_index": len(self.output) - 1, "item": self.output[-1]}

    def _add(self, part: dict[str, Any]) -> Iterable[Telling]:
        self._part = part
        summary = part["type"] == "summary_text"
        self.output[-1]["summary" if summary else "content"].append(part)
        added = "response.reasoning_summary_part.added" if summary else "response.content_part.added"
        yield added, self._within(part) | {"part": dict(part)}

    def _grow(self, text: str, logprobs: Iterable[Mapping[str, Any]]) -> Iterable[Telling]:
        if not self._open:
            yield from self._begin(Text(""))
        if self._open == "reasoning" and self._part is None:
            yield from self._add({"type": "summary_text" if self.summarised else "reasoning_text", "text": ""})
        self._words.append(text)
        if self._open == "function_call":
            yield "response.function_call_arguments.delta", self._at | {"delta": text}
            return
        if self._part is None:
            return
        more = self._within(self._part) | {"delta": text}
        match self._part["type"]:
            case "output_text":
                told = [_chance(logprob) for logprob in logprobs]
                self._logprobs += told
                yield "response.output_text.delta", more | {"logprobs": told}
            case "refusal":
                yield "response.refusal.delta", more
            case "summary_text":
                yield "response.reasoning_summary_text.delta", more
            case _:
                yield "response.reasoning_text.delta", more

    def _seal(self, signature: str) -> None:
        if self._open == "reasoning":
            self.output[-1]["encrypted_content"] = sealing(signature, None)
        elif self._open in {"function_call", _FREE}:
            self.output[-1]["signature"] = signature

    def _close_part(self) -> Iterable[Telling]:
        part, self._part = self._part, None
        if part is None:
            return
        text = "".join(self._words)
        self._words.clear()
        within = self._within(part)
        match part["type"]:
            case "output_text":
                part["text"], part["logprobs"] = text, self._logprobs
                self._logprobs = []
                yield "response.output_text.done", within | {"text": text, "logprobs": part["logprobs"]}
            case "refusal":
                part["refusal"] = text
                yield "response.refusal.done", within | {"refusal": text}
            case "summary_text":
                part["text"] = text
                yield "response.reasoning_summary_text.done", within | {"text": text}
                yield "response.reasoning_summary_part.done", within | {"part": dict(part)}
                return
            case _:
                part["text"] = text
                yield "response.reasoning_text.done", within | {"text": text}
        yield "response.content_part.done", within | {"part": dict(part)}

    def _close_item(self, status: str) -> Iterable[Telling]:
        if not self._open:
            return
        yield from self._close_part()
        item = self.output[-1]
        if self._open == "function_call":
            item["arguments"] = "".join(self._words)
            self._words.clear()
            done = self._at | {"name": item["name"], "arguments": item["arguments"]}
            yield "response.function_call_arguments.done", done
        elif self._open == _FREE:
            # Its text is within the arguments, which make sense only when they are all there.
            item["input"] = taken("".join(self._words))
            self._words.clear()
            yield "response.custom_tool_call_input.delta", self._at | {"delta": item["input"]}
            yield "response.custom_tool_call_input.done", self._at | {"input": item["input"]}
        self._open = ""
        item["status"] = status
        yield "response.output_item.done", {"output_index": len(self.output) - 1, "item": item}


def _chance(logprob: Mapping[str, Any]) -> dict[str, Any]:
    """A token's chance with its bytes, which OpenAI's clients want in every one."""
    token = str(logprob.get("token", ""))
    top = logprob.get("top_logprobs")
    return {
        "token": token,
        "logprob": logprob.get("logprob", 0.0),
        "bytes": logprob.get("bytes") or list(token.encode()),
        "top_logprobs": [_chance(each) for each in top if isinstance(each, dict)] if isinstance(top, list) else [],
    }
