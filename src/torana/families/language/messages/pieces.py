"""A message and the events that tell it: either out of the other, whatever it holds that we do not know.

Source: Anthropic's API reference, "Streaming messages".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from torana.families.language.asked import frame

_GROWING = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}
"""Deltas that are more of a block's member, by their type."""


def event(kind: str, **members: object) -> bytes:
    """One event as its clients know it."""
    return frame(msgspec.json.encode({"type": kind, **members}), kind)


def fold(frames: Sequence[bytes]) -> bytes:
    """The whole message that events told, in JSON; nothing of it is lost but how it was cut into pieces."""
    whole = _Whole()
    for told in _told(b"".join(frames)):
        whole.take(told)
    return msgspec.json.encode(whole.message)


def unfold(data: bytes) -> Iterator[bytes]:
    """The events that tell a whole message; what folds to it again."""
    message: dict[str, Any] = msgspec.json.decode(data, type=dict[str, Any])
    blocks = [block for block in message.get("content") or () if isinstance(block, dict)]
    last = {name: message[name] for name in ("stop_reason", "stop_sequence", "stop_details", "container")
            if name in message}  # fmt: skip
    usage = message.get("usage")
    begun = message | {"content": [], "stop_reason": None, "stop_sequence": None}
    yield event("message_start", message=begun)
    for index, block in enumerate(blocks):
        yield from _block(index, block)
    yield event("message_delta", delta=last, usage=usage if isinstance(usage, dict) else {"output_tokens": 0})
    yield event("message_stop")


def _block(index: int, block: dict[str, Any]) -> Iterator[bytes]:
    deltas: list[dict[str, Any]] = []
    begun = dict(block)
    for kind, name in _GROWING.items():
        if isinstance(block.get(name), str):
            begun[name] = ""
            deltas.append({"type": kind, name: block[name]})
    if isinstance(block.get("citations"), list):
        begun["citations"] = []
        deltas = [{"type": "citations_delta", "citation": each} for each in block["citations"]] + deltas
    if isinstance(block.get("input"), dict):
        begun["input"] = {}
        deltas.append({"type": "input_json_delta", "partial_json": msgspec.json.encode(block["input"]).decode()})
    yield event("content_block_start", index=index, content_block=begun)
    for delta in deltas:
        yield event("content_block_delta", index=index, delta=delta)
    yield event("content_block_stop", index=index)


@dataclass(slots=True)
class _Whole:
    """A message, as far as it was told."""

    message: dict[str, Any] = field(default_factory=dict)
    blocks: dict[int, dict[str, Any]] = field(default_factory=dict)
    grown: dict[tuple[int, str], list[str]] = field(default_factory=dict)
    """Texts in pieces, by the block and its member."""

    def take(self, told: Mapping[str, Any]) -> None:
        match told:
            case {"type": "message_start", "message": dict(message)}:
                self.message = dict(message)
            case {"type": "content_block_start", "index": int(index), "content_block": dict(block)}:
                self.blocks[index] = dict(block)
            case {"type": "content_block_delta", "index": int(index), "delta": dict(delta)}:
                self._grow(index, delta)
            case {"type": "message_delta"}:
                self.message |= told.get("delta") or {}
                known = {name: value for name, value in (told.get("usage") or {}).items() if value is not None}
                self.message["usage"] = (self.message.get("usage") or {}) | known
            case {"type": "message_stop"}:
                self._close()

    def _grow(self, index: int, delta: Mapping[str, Any]) -> None:
        match delta:
            case {"type": "input_json_delta", "partial_json": str(text)}:
                self.grown.setdefault((index, "input"), []).append(text)
            case {"type": "citations_delta", "citation": citation}:
                block = self.blocks.setdefault(index, {})
                block["citations"] = [*(block.get("citations") or ()), citation]
            case {"type": str(kind)} if kind in _GROWING:
                name = _GROWING[kind]
                self.grown.setdefault((index, name), []).append(str(delta.get(name) or ""))

    def _close(self) -> None:
        for (index, name), pieces in self.grown.items():
            block, text = self.blocks.setdefault(index, {}), "".join(pieces)
            block[name] = _object(text) if name == "input" else f"{block.get(name) or ''}{text}"
        self.grown.clear()
        self.message["content"] = [self.blocks[index] for index in sorted(self.blocks)]


def _object(text: str) -> object:
    try:
        return msgspec.json.decode(text or "{}")
    except ValueError:
        # Cut off by the bound on tokens: what came of it is worth more than nothing.
        return {"_incomplete": text}


def _told(frames: bytes) -> Iterable[Mapping[str, Any]]:
    for written in frames.split(b"\n\n"):
        lines = [line[5:] for line in written.split(b"\n") if line.startswith(b"data:")]
        if lines:
            yield msgspec.json.decode(b"\n".join(lines), type=dict[str, Any])
