"""A whole answer out of the chunks that it was told in, and chunks out of a whole answer, whatever is in them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from torana.core.exchange import EVENT_STREAM, Reply
from torana.families.base import Body, Publish
from torana.families.language.asked import LanguageRequest, Spoken, body_of, frame
from torana.families.language.chat.checked import wants_usage
from torana.families.language.chat.telling import DONE

_END = b"[DONE]"
_GROWING = frozenset({
    "content", "refusal", "reasoning_content", "reasoning", "arguments", "input", "text", "thinking", "summary",
    "signature", "data", "transcript",
})  # fmt: skip
_PADDING = "obfuscation"
_PIECE, _WHOLE = "chat.completion.chunk", "chat.completion"


def fold(_request: LanguageRequest, pieces: Sequence[bytes]) -> Spoken:
    """The answer that would have come had it been asked for whole."""
    whole: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for chunk in chunks(pieces):
        for choice in chunk.pop("choices", None) or ():
            delta = choice.pop("delta", None)
            kept = choices.setdefault(choice.get("index", 0), {})
            _merge(kept, choice | ({} if delta is None else {"message": delta}))
        chunk.pop(_PADDING, None)
        whole |= {name: value for name, value in chunk.items() if value is not None or name not in whole}
    if whole.get("object") == _PIECE:
        whole["object"] = _WHOLE
    if whole.get("usage", ...) is None:
        del whole["usage"]
    whole["choices"] = [_whole_choice(_grown(choices[index]), index) for index in sorted(choices)]
    return Spoken(msgspec.json.encode(whole))


def chunks(pieces: Sequence[bytes]) -> Iterable[dict[str, Any]]:
    """The objects that frames hold; the mark at the end is none."""
    for event in b"".join(pieces).split(b"\n\n"):
        lines = [line.removeprefix(b"data:").strip() for line in event.split(b"\n") if line.startswith(b"data:")]
        data = b"\n".join(lines)
        if data and data != _END:
            yield msgspec.json.decode(data, type=dict[str, Any])


def unfold(spoken: Spoken, request: LanguageRequest) -> list[bytes]:
    """A whole answer as the events it would have come in."""
    whole = msgspec.json.decode(spoken.data, type=dict[str, Any])
    choices, usage = whole.pop("choices", None) or (), whole.pop("usage", None)
    counts = wants_usage(request.body)
    if whole.get("object") == _WHOLE:
        whole["object"] = _PIECE
    head = whole | ({"usage": None} if counts else {})
    frames = [frame(msgspec.json.encode(head | {"choices": [piece]})) for choice in choices for piece in _cut(choice)]
    if counts and usage is not None:
        frames.append(frame(msgspec.json.encode(whole | {"choices": [], "usage": usage})))
    return [*frames, DONE]


async def write(request: LanguageRequest, reply: Reply[Spoken], _publish: Publish) -> Body:
    """The answer as it is; as events where they were asked for and it came whole."""
    spoken = reply.body
    if request.stream and not spoken.told and spoken.media_type != EVENT_STREAM:
        spoken = Spoken(b"".join(unfold(spoken, request)), EVENT_STREAM)
    return body_of(spoken)


def _cut(choice: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """What is said, and why it ended; in one where it is not a message."""
    if "message" not in choice:
        yield choice
        return
    message = choice["message"] or {}
    index = choice.get("index", 0)
    rest = {name: value for name, value in choice.items() if name not in {"message", "finish_reason"}}
    delta = {name: _numbered(value) if isinstance(value, list) else value for name, value in message.items()}
    yield {**rest, "delta": delta, "finish_reason": None}
    yield {"index": index, "delta": {}, "logprobs": None, "finish_reason": choice.get("finish_reason")}


def _numbered(items: Sequence[Any]) -> list[Any]:
    return [{"index": place, **item} if isinstance(item, Mapping) else item for place, item in enumerate(items)]


def _whole_choice(choice: dict[str, Any], index: int) -> dict[str, Any]:
    message = choice.get("message")
    if isinstance(message, dict):
        for name, value in message.items():
            message[name] = _unnumbered(value)
        message.setdefault("role", "assistant")
        message.setdefault("content", None)
        message.setdefault("refusal", None)
    return {"index": index} | choice


def _unnumbered(value: object) -> object:
    if not isinstance(value, list):
        return value
    items = [item for item in value if item is not None]
    for item in items:
        if isinstance(item, dict):
            item.pop("index", None)
    return items


@dataclass(frozen=True, slots=True)
class _Words:
    """A text that grows, in its pieces: adding to the text itself would take as long as all that there is of it."""

    pieces: list[str]


def _grown(value: Any) -> Any:  # noqa: ANN401 - of the same type, but for its texts
    """What is kept, with whole texts."""
    match value:
        case _Words():
            return "".join(value.pieces)
        case dict():
            return {name: _grown(each) for name, each in value.items()}
        case list():
            return [_grown(each) for each in value]
        case _:
            return value


def _merge(kept: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Adds to what is kept what came later: words grow, lists by their index, and of the rest the last is true."""
    for name, value in more.items():
        before = kept.get(name)
        if before is None or value is None:
            if value is not None or name not in kept:
                kept[name] = _fresh(value)
        elif isinstance(value, str) and isinstance(before, str | _Words) and name in _GROWING:
            words = before if isinstance(before, _Words) else _Words([before])
            words.pieces.append(value)
            kept[name] = words
        elif isinstance(value, Mapping) and isinstance(before, dict):
            _merge(before, value)
        elif isinstance(value, list) and isinstance(before, list):
            _extend(before, value)
        else:
            kept[name] = value


def _fresh(value: object) -> object:
    if isinstance(value, Mapping):
        kept: dict[str, Any] = {}
        _merge(kept, value)
        return kept
    if isinstance(value, list):
        items: list[Any] = []
        _extend(items, value)
        return items
    return value


def _extend(kept: list[Any], more: Iterable[Any]) -> None:
    for item in more:
        place = item.get("index") if isinstance(item, Mapping) else None
        # Chances have no index, and there are as many of them as there are tokens.
        numbered = reversed(kept) if isinstance(place, int) else ()
        found = next((old for old in numbered if isinstance(old, dict) and old.get("index") == place), None)
        if found is not None:
            _merge(found, item)
        else:
            kept.append(_fresh(item))
