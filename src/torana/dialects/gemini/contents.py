"""What was said so far, as Gemini is told it: ``systemInstruction`` and ``contents``.

Source: Google's references of ``Content`` and of thought signatures.
"""

from dataclasses import dataclass, field

import msgspec

from torana.core.errors import InvalidRequest
from torana.dialects.gemini import media
from torana.dialects.gemini.place import REASONING_LEVELS_FROM, Place, generation, named
from torana.dialects.ways import At
from torana.families.language.words import Conversation, Media, Part, Refusal, Text, ToolCall, ToolResult, Turn

NOT_SEALED = "skip_thought_signature_validator"
"""The seal, in Google's own words, of a call that no Gemini made, or whose seal got lost."""

_Json = dict[str, object]


@dataclass(slots=True)
class Contents:
    """Writes turns, one after the other."""

    place: Place
    at: At
    ignored: dict[str, None] = field(default_factory=dict)
    """Fields that were passed over, in their order."""
    _tools: dict[str, str] = field(default_factory=dict)
    """Names of the tools that were called, by the calls' ids."""
    _written: list[_Json] = field(default_factory=list)
    _last: str | None = None

    def write(self, conversation: Conversation) -> _Json:
        """The members of the request; InvalidRequest for a part that Gemini cannot be told."""
        system = [self._instruction(part) for turn in conversation.system for part in turn.parts]
        system = [part for part in system if part["text"]]
        for turn in conversation.spoken:
            self._turn(turn)
        if not self._written:
            # It answers nothing where nobody says anything but how to answer.
            if not system:
                raise self._invalid("Nothing is said in the conversation.")
            return {"contents": [{"role": "user", "parts": system}]}
        instruction: _Json = {"systemInstruction": {"parts": system}} if system else {}
        return {**instruction, "contents": self._written}

    def _turn(self, turn: Turn) -> None:
        if turn.name:
            self._pass_over("name")
        results = [part for part in turn.parts if isinstance(part, ToolResult)]
        others = [part for part in turn.parts if not isinstance(part, ToolResult)]
        if results:
            order = {call: index for index, call in enumerate(self._tools)}
            results.sort(key=lambda result: order.get(result.call_id, len(order)))
            # Results stand apart from words, which is how it counts that each call has one.
            self._add("tool", [part for result in results for part in self._result(result)])
        model = turn.role == "assistant"
        self._add("model" if model else "user", [part for each in others for part in self._part(each)])

    def _add(self, kind: str, parts: list[_Json]) -> None:
        if not parts:
            return
        if kind == self._last:
            last = self._written[-1]["parts"]
            assert isinstance(last, list)
            last += parts
        else:
            self._written.append({"role": "model" if kind == "model" else "user", "parts": parts})
        self._last = kind
        if kind == "model":
            self._seal()

    def _seal(self) -> None:
        """Of the calls that are made at once, the first has a seal, and newer models ask for it back."""
        parts = self._written[-1]["parts"]
        assert isinstance(parts, list)
        first = next((part for part in parts if "functionCall" in part), None)
        if first is not None and generation(self.at.model) >= REASONING_LEVELS_FROM:
            first.setdefault("thoughtSignature", NOT_SEALED)

    def _part(self, part: Part) -> list[_Json]:
        """A part; nothing of thoughts, which it does not want back, nor of words that are none."""
        self._heed_cache(part)
        match part:
            case Text(text=text) | Refusal(text=text):
                return [{"text": text}] if text else []
            case Media():
                if part.detail not in {None, "auto"}:
                    self._pass_over("detail")
                return [media.written(part, self.place, self.at)]
            case ToolCall():
                return [self._call(part)]
            case _:
                return []

    def _call(self, call: ToolCall) -> _Json:
        self._tools[call.id] = call.name
        written: _Json = {"name": call.name, "args": self._arguments(call)}
        if self.place.call_ids:
            written["id"] = call.id
        return {"functionCall": written} | ({"thoughtSignature": call.signature} if call.signature else {})

    def _arguments(self, call: ToolCall) -> object:
        try:
            return msgspec.json.decode(call.arguments or "{}", type=dict[str, object])
        except (ValueError, RecursionError) as error:
            raise self._invalid(f"The arguments of the call '{call.id[:100]}' are not a JSON object.") from error

    def _result(self, result: ToolResult) -> list[_Json]:
        self._heed_cache(result)
        name = result.name or self._tools.get(result.call_id)
        if name is None:
            raise self._invalid(f"The tool result for '{result.call_id[:100]}' has no call before it.")
        text = "\n".join(part.text for part in result.parts if isinstance(part, Text))
        seen = [self._part(part)[0] for part in result.parts if isinstance(part, Media)]
        written: _Json = {"name": name, "response": {"error" if result.failed else "output": _value(text)}}
        if self.place.call_ids:
            written["id"] = result.call_id
        if seen and generation(self.at.model) >= REASONING_LEVELS_FROM:
            return [{"functionResponse": written | {"parts": seen}}]
        return [{"functionResponse": written}, *seen]

    def _instruction(self, part: Part) -> _Json:
        self._heed_cache(part)
        if not isinstance(part, Text):
            raise self._invalid("Instructions can only be words.")
        return {"text": part.text}

    def _heed_cache(self, part: Part) -> None:
        if getattr(part, "cached", None) is not None:
            self._pass_over("cache_control")

    def _pass_over(self, member: str) -> None:
        self.ignored[f"{named(self.at, 'messages')}.{member}"] = None

    def _invalid(self, message: str) -> InvalidRequest:
        return InvalidRequest(message, param=named(self.at, "messages"))


def _value(text: str) -> object:
    """What a tool said: as it is where it is JSON of several members, else as a text."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return text
    return msgspec.Raw(text.encode())
