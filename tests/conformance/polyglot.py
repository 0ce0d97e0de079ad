"""An upstream that speaks every dialect of language, as its vendors' documentation has it: the path says which."""

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.conformance import plays_openai as openai
from tests.conformance import plays_others as others
from tests.conformance.saying import TOKENS_IN, Body, http, said
from tests.upstream.wire import Request, Wire, upstream

PLAYS: tuple[tuple[str, Callable[[Body], bytes]], ...] = (
    (r"/chat/completions", openai.openai_chat),
    (r"/v2/chat", others.cohere_chat),
    (r"/completions", openai.openai_completions),
    (r"/responses", openai.openai_responses),
    (r"/responses/compact", openai.openai_compacted),
    (r"/messages/count_tokens", lambda _body: said({"input_tokens": TOKENS_IN})),
    (r"/messages", openai.anthropic_messages),
    (r":generateContent", others.gemini_whole),
    (r":streamGenerateContent", others.gemini_stream),
    (r"/count-tokens", lambda _body: said({"inputTokens": TOKENS_IN})),
    (r":countTokens", lambda _body: said({"totalTokens": TOKENS_IN})),
    (r":batchEmbedContents", others.gemini_vectors),
    (r":predict", others.vertex_vectors),
    (r":rawPredict", openai.anthropic_whole),
    (r":streamRawPredict", openai.anthropic_stream),
    (r"/converse", others.bedrock_whole),
    (r"/converse-stream", others.bedrock_stream),
    (r"/invoke", others.bedrock_invoked),
    (r"/invoke-with-response-stream", others.bedrock_invoked_stream),
    (r"/v2/embed", others.cohere_vectors),
    (r"/embeddings", others.openai_vectors),
    (r"/rerank", others.ranked),
    (r"/moderations", others.moderated),
    (r"/audio/speech", others.spoken),
    (r"/audio/(transcriptions|translations)", others.transcribed),
)


@dataclass
class Polyglot:
    """What it was asked."""

    host: str = ""
    heard: list[Request] = field(default_factory=list)

    async def play(self, wire: Wire) -> None:
        """One connection."""
        while True:
            request = await wire.request()
            self.heard.append(request)
            await wire.say(answer(request))


def answer(request: Request) -> bytes:
    """The answer to one request, in the dialect that its path belongs to."""
    path = request.line.split(" ")[1].partition("?")[0]
    for pattern, play in PLAYS:
        if re.search(pattern + r"\Z", path):
            is_json = request.body.startswith(b"{")
            return play(json.loads(request.body) if is_json else {})
    return http(b'{"error": {"message": "no such path"}}', 404)


@asynccontextmanager
async def polyglot() -> AsyncIterator[Polyglot]:
    """An upstream of every dialect on the loopback."""
    made = Polyglot()
    async with upstream(made.play) as up:
        made.host = up.host
        yield made
