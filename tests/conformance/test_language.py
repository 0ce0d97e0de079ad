"""Every vendor of language, asked for everything that it claims to do, in plain and in pieces.

The cells of the matrix in the docs are these tests: what is not here is not claimed there.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from anthropic.types import Message as AnthropicMessage
from anthropic.types import RawMessageStreamEvent
from msgspec import structs
from openai.types import Completion, CreateEmbeddingResponse, ModerationCreateResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import CompactedResponse, Response, ResponseStreamEvent
from pydantic import TypeAdapter

from tests.conformance.polyglot import polyglot
from tests.conformance.saying import ANSWER, SOUND, TOKENS_IN, TOKENS_OUT, VECTORS
from torana.config.units import Seconds
from torana.config.upstreams import Account, Timeouts
from torana.core.content import SoundInfo
from torana.core.exchange import Context, Opening, Reply, Show
from torana.families.base import Family, Form
from torana.families.listed import FAMILIES
from torana.providers.base import Declaration, Lent, declarations

pytestmark = pytest.mark.asyncio(loop_scope="session")

DECLARED = {kind: each for kind, each in declarations().items() if each.base_url or "base_url" in each.needs}
LISTED: Mapping[str, Family[Any, Any]] = {family.operation: family for family in FAMILIES}
KEYS = {"bedrock": "AKIDEXAMPLE:wJalrXUtnFEMI", "vertex": "ya29.key-of-the-account"}
OPTIONS = {"bedrock": {"region": "us-east-1"}, "vertex": {"project": "acme-1", "location": "europe-west4"}}
ANY = "some-model"
"""A model that nobody has heard of."""

USER = [{"role": "user", "content": "Say hello to the world."}]
TEXTS = ["one", "another"]
ASKED: Mapping[str, dict[str, Any]] = {
    "chat.completions": {"messages": USER, "stream_options": {"include_usage": True}},
    "completions": {"prompt": "Say hello", "stream_options": {"include_usage": True}},
    "messages": {"messages": USER, "max_tokens": 99},
    "messages.count_tokens": {"messages": USER},
    "responses": {"input": "Say hello to the world."},
    "responses.compact": {"input": "Say hello to the world."},
    "embeddings": {"input": TEXTS, "encoding_format": "float"},
    "rerank": {"query": "which?", "documents": TEXTS},
    "moderations": {"input": "hello"},
    "audio.speech": {"input": "hello", "voice": "alloy"},
}
IN_PIECES = ("chat.completions", "completions", "messages", "responses")


@dataclass
class Client:
    """What a client gets in pieces."""

    opening: Opening | None = None
    pieces: list[bytes] = field(default_factory=list)

    def open(self, opening: Opening) -> Show:
        self.opening = opening
        return self.show

    async def show(self, piece: bytes) -> None:
        self.pieces.append(piece)


@dataclass(frozen=True)
class Sound:
    """A file that a client sent."""

    data: bytes = SOUND
    filename: str = "a.mp3"
    info: SoundInfo = field(default_factory=lambda: SoundInfo("mp3"))

    @property
    def size(self) -> int:
        return len(self.data)

    def at_hand(self) -> None:
        """Never in memory."""

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self.data


def models_for(declared: Declaration) -> list[tuple[str, str]]:
    """Each operation, and a model that claims it: one that nobody knows, and one for each further dialect."""
    found = [(operation, ANY) for operation in sorted(declared.spoken(ANY))]
    known = {operation for operation, _ in found}
    for model in declared.spoken_models:
        found += [(operation, model) for operation in sorted(declared.spoken(model) - known)]
        known |= declared.spoken(model)
    return found


CLAIMS = [
    pytest.param(kind, operation, model, id=f"{kind}-{operation}-{model}")
    for kind, declared in DECLARED.items()
    for operation, model in models_for(declared)
    if operation in LISTED
]
STREAMED = [claim for claim in CLAIMS if claim.values[1] in IN_PIECES]


def request_of(operation: str, *, stream: bool = False) -> Any:
    family = LISTED[operation]
    if family.parse is None:
        sound: Any = Sound()
        return family.read(Form((("model", "m"),), sounds=(("file", sound),)))
    return family.parse(json.dumps({"model": "m", **ASKED[operation], "stream": stream}).encode())


async def ask(
    lent: Lent, kind: str, operation: str, model: str, *, stream: bool = False
) -> tuple[Reply[Any], Client, list[str]]:
    client = Client()
    async with polyglot() as up:
        account = Account(
            type=kind,
            base_url=f"http://{up.host}",
            options=OPTIONS.get(kind, {}),
            timeouts=Timeouts(Seconds(5), Seconds(5), Seconds(10)),
        )
        provider = DECLARED[kind].build(account, KEYS.get(kind, "key"), lent)
        context = Context("ada", open=client.open)
        reply = await provider.operations[operation](request_of(operation, stream=stream), model, context)
    return reply, client, [request.line for request in up.heard]


def chat(whole: Any) -> str:
    made = ChatCompletion.model_validate(whole)
    assert made.usage is not None
    assert (made.usage.prompt_tokens, made.usage.completion_tokens) == (TOKENS_IN, TOKENS_OUT)
    assert made.choices[0].finish_reason == "stop"
    return made.choices[0].message.content or ""


def completion(whole: Any) -> str:
    return Completion.model_validate(whole).choices[0].text


def message(whole: Any) -> str:
    made = AnthropicMessage.model_validate(whole)
    assert (made.usage.input_tokens, made.usage.output_tokens) == (TOKENS_IN, TOKENS_OUT)
    assert made.stop_reason == "end_turn"
    return "".join(block.text for block in made.content if block.type == "text")


def response(whole: Any) -> str:
    made = Response.model_validate(whole)
    assert made.usage is not None
    assert (made.usage.input_tokens, made.usage.output_tokens) == (TOKENS_IN, TOKENS_OUT)
    assert made.status == "completed"
    return made.output_text


def vectors(whole: Any) -> str:
    made = CreateEmbeddingResponse.model_validate(whole)
    assert [tuple(item.embedding) for item in made.data] == list(VECTORS)
    assert [item.index for item in made.data] == [0, 1]
    return ANSWER


def ranking(whole: Any) -> str:
    assert [(each["index"], each["relevance_score"]) for each in whole["results"]] == [(1, 0.75), (0, 0.25)]
    return ANSWER


def moderation(whole: Any) -> str:
    assert not ModerationCreateResponse.model_validate(whole).results[0].flagged
    return ANSWER


def count(whole: Any) -> str:
    assert whole["input_tokens"] == TOKENS_IN
    return ANSWER


READ: Mapping[str, Callable[[Any], str]] = {
    "chat.completions": chat,
    "completions": completion,
    "messages": message,
    "messages.count_tokens": count,
    "responses": response,
    "responses.compact": lambda whole: str(CompactedResponse.model_validate(whole).output[0].encrypted_content),  # type: ignore[union-attr]  # a compaction
    "embeddings": vectors,
    "rerank": ranking,
    "moderations": moderation,
    "audio.transcriptions": lambda whole: str(whole["text"]),
    "audio.translations": lambda whole: str(whole["text"]),
}


async def test_every_family_of_language_is_asked_of_somebody() -> None:
    claimed = {str(claim.values[1]) for claim in CLAIMS}
    pictures = {family.operation for family in FAMILIES if family.operation.startswith("images.")}
    assert LISTED.keys() - claimed - pictures <= {"responses.compact"}


@pytest.mark.parametrize(("kind", "operation", "model"), CLAIMS)
async def test_a_whole_answer(kind: str, operation: str, model: str, lent: Lent) -> None:
    reply, client, asked = await ask(lent, kind, operation, model)
    if reply.emulated == ("tokens",):
        # Nobody there counts: we do, about.
        assert not asked
        assert json.loads(reply.body.data)["input_tokens"] > 1
        return
    assert len(asked) == 1
    if operation == "audio.speech":
        assert b"".join(client.pieces) == SOUND
        assert client.opening is not None
        assert client.opening.media_type == "audio/mpeg"
        return
    assert client.opening is None
    assert READ[operation](json.loads(reply.body.data)) == ANSWER
    if operation in IN_PIECES:
        assert sum(reply.usage.tokens.values()) == TOKENS_IN + TOKENS_OUT


EVENTS: Mapping[str, TypeAdapter[Any]] = {
    "chat.completions": TypeAdapter(ChatCompletionChunk),
    "completions": TypeAdapter(Completion),
    "messages": TypeAdapter(RawMessageStreamEvent),
    "responses": TypeAdapter(ResponseStreamEvent),
}


@pytest.mark.parametrize(("kind", "operation", "model"), STREAMED)
async def test_an_answer_in_pieces(kind: str, operation: str, model: str, lent: Lent) -> None:
    reply, client, _ = await ask(lent, kind, operation, model, stream=True)
    assert reply.body.told
    frames = b"".join(client.pieces).decode().split("\n\n")
    told = [
        line.removeprefix("data: ")
        for frame in frames
        for line in frame.split("\n")
        if line.startswith("data: ") and line != "data: [DONE]"
    ]
    assert len(told) > 2
    for each in told:
        document = json.loads(each)
        if operation == "completions":
            # OpenAI sends null until the end, which its own client's model does not foresee.
            document["choices"] = [each | {"finish_reason": "stop"} for each in document["choices"]]
        if document.get("type") != "ping":
            EVENTS[operation].validate_python(document)
    fold = LISTED[operation].fold
    assert fold is not None
    folded = json.loads(fold(request_of(operation, stream=True), client.pieces).data)
    assert READ[operation](folded) == ANSWER
    assert sum(reply.usage.tokens.values()) == TOKENS_IN + TOKENS_OUT
    plain, _, _ = await ask(lent, kind, operation, model)
    assert structs.replace(reply, body=None) == structs.replace(plain, body=None)
