"""Answers of chats as servers send them: each whole, and as the events it comes in. From the servers' documentation."""

import json
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from torana.core.exchange import Event, Message
from torana.dialects.ways import At
from torana.families.language.asked import LanguageRequest
from torana.families.language.voice import Occasion
from torana.upstream.framing import read_events

USAGE = {
    "prompt_tokens": 19,
    "completion_tokens": 10,
    "total_tokens": 29,
    "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": 0},
}
HEAD = {"id": "chatcmpl-abc", "created": 1741569952, "model": "gpt-5.4", "system_fingerprint": "fp_1"}
ROLE = {"role": "assistant", "content": "", "refusal": None}


def choice(message: dict[str, Any], finish: str = "stop", index: int = 0, **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": None, "refusal": None} | message
    return {"index": index, "message": message, "logprobs": None, "finish_reason": finish} | more


def piece(delta: dict[str, Any], finish: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish} | more


@dataclass(frozen=True)
class Spoken:
    name: str
    choices: list[dict[str, Any]]
    pieces: list[dict[str, Any]]
    usage: dict[str, Any] = field(default_factory=lambda: dict(USAGE))

    @property
    def whole(self) -> bytes:
        return json.dumps(HEAD | {"object": "chat.completion", "choices": self.choices, "usage": self.usage}).encode()

    @property
    def chunks(self) -> list[bytes]:
        head = HEAD | {"object": "chat.completion.chunk"}
        told = [head | {"choices": [each], "usage": None} for each in self.pieces]
        return [*(json.dumps(each).encode() for each in told),
                json.dumps(head | {"choices": [], "usage": self.usage}).encode()]  # fmt: skip

    @property
    def stream(self) -> bytes:
        return b"".join(b"data: %s\n\n" % chunk for chunk in self.chunks) + b"data: [DONE]\n\n"

    @property
    def events(self) -> list[Event]:
        return [Event("message", data) for data in (*self.chunks, b"[DONE]")]


def call(name: str, arguments: str, given: str, **more: Any) -> dict[str, Any]:
    return {"id": given, "type": "function", "function": {"name": name, "arguments": arguments}} | more


def logprob(token: str) -> dict[str, Any]:
    return {"token": token, "logprob": -0.1, "bytes": list(token.encode()), "top_logprobs": []}


SEALED = {"extra_content": {"google": {"thought_signature": "c2VhbA=="}}}
SPOKEN = (
    Spoken("words", [choice({"content": "Grüß dich! 👋"})],
           [piece(ROLE), piece({"content": "Grüß"}), piece({"content": " dich! 👋"}), piece({}, "stop")]),
    Spoken("nothing", [choice({"content": ""}, "length")], [piece(ROLE), piece({}, "length")]),
    Spoken("calls",
           [choice({"tool_calls": [call("weather", '{"city":"Rome"}', "call_a"), call("time", "{}", "call_b")]},
                   "tool_calls")],
           [piece({"role": "assistant", "content": None,
                   "tool_calls": [{"index": 0, **call("weather", "", "call_a")}]}),
            piece({"tool_calls": [{"index": 0, "function": {"arguments": '{"city":'}}]}),
            piece({"tool_calls": [{"index": 0, "function": {"arguments": '"Rome"}'}}]}),
            piece({"tool_calls": [{"index": 1, **call("time", "", "call_b")}]}),
            piece({"tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]}),
            piece({}, "tool_calls")]),
    Spoken("thoughts",
           [choice({"content": "4", "reasoning_content": "Two and two."})],
           [piece({"role": "assistant", "content": None, "reasoning_content": "Two and"}),
            piece({"content": None, "reasoning_content": " two."}),
            piece({"content": "4", "reasoning_content": None}), piece({"content": ""}, "stop")]),
    Spoken("thoughts by the other name", [choice({"content": "4", "reasoning": "Two and two."})],
           [piece(ROLE), piece({"reasoning": "Two and two."}), piece({"content": "4"}), piece({}, "stop")]),
    Spoken("sealed",
           [choice({"content": None, "reasoning_content": "Hm.",
                    "thinking_blocks": [{"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
                                        {"type": "redacted_thinking", "data": "aGlkZGVu"}],
                    "tool_calls": [call("f", "{}", "call_1", **SEALED)]}, "tool_calls")],
           [piece({"role": "assistant", "content": None, "reasoning_content": "Hm.",
                   "thinking_blocks": [{"index": 0, "type": "thinking", "thinking": "Hm."}]}),
            piece({"thinking_blocks": [{"index": 0, "type": "thinking", "signature": "c2ln"}]}),
            piece({"thinking_blocks": [{"index": 1, "type": "redacted_thinking", "data": "aGlkZGVu"}]}),
            piece({"tool_calls": [{"index": 0, **call("f", "{}", "call_1", **SEALED)}]}),
            piece({}, "tool_calls")]),
    Spoken("refusal", [choice({"refusal": "I will not."})],
           [piece({"role": "assistant", "content": None, "refusal": ""}), piece({"refusal": "I will"}),
            piece({"refusal": " not."}), piece({}, "stop")]),
    Spoken("probabilities",
           [choice({"content": "ab"}, logprobs={"content": [logprob("a"), logprob("b")], "refusal": None})],
           [piece(ROLE), piece({"content": "a"}, logprobs={"content": [logprob("a")], "refusal": None}),
            piece({"content": "b"}, logprobs={"content": [logprob("b")], "refusal": None}), piece({}, "stop")]),
    Spoken("two answers", [choice({"content": "one"}), choice({"content": "two"}, "length", 1)],
           [piece(ROLE), piece(ROLE, index=1), piece({"content": "tw"}, index=1), piece({"content": "one"}),
            piece({"content": "o"}, index=1), piece({}, "stop"), piece({}, "length", 1)]),
    Spoken("filtered", [choice({"content": "Well, "}, "content_filter")],
           [piece(ROLE), piece({"content": "Well, "}), piece({}, "content_filter")]),
)  # fmt: skip


def asked(**members: Any) -> LanguageRequest:
    body = {"model": "fast", "messages": [{"role": "user", "content": "Hi"}]} | members
    return LanguageRequest("chat.completions", "fast", body, json.dumps(body).encode(), bool(body.get("stream")))


def at(request: LanguageRequest | None = None, **more: Any) -> At:
    return At("gpt-5.4", Occasion(request or asked(), 1741569952, "0a1b2c", "gpt-5.4"), **more)


def body(message: Message) -> bytes:
    """What is sent."""
    return b"".join(part for part in message.body if isinstance(part, bytes))


async def events(stream: bytes, *cuts: int) -> list[Event]:
    """The events of a stream that comes in pieces."""
    places = [0, *cuts, len(stream)]

    async def chunks():
        for start, end in pairwise(places):
            yield stream[start:end]

    return [event async for event in read_events(chunks(), max_event=100_000)]
