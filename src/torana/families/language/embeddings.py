"""``POST /embeddings``: texts in, vectors out.

Shapes: OpenAI's ``CreateEmbeddingRequest`` and ``CreateEmbeddingResponse``.
"""

import base64
import sys
from array import array
from collections.abc import Sequence

import msgspec

from torana.core.errors import InvalidRequest
from torana.families.base import Family, Field
from torana.families.language.asked import LanguageRequest, Spoken, read_request, write_spoken

EMBED = "embeddings"
FLOAT, BASE64 = "float", "base64"
MOST_INPUTS = 2048
"""Texts of one request, at OpenAI."""


class UntoldRequest(LanguageRequest, frozen=True):
    """A request whose answer holds no words: nothing comes out that is counted in tokens."""

    @property
    def longest(self) -> int | None:
        """None come out."""
        return 0


def read_embeddings(raw: bytes) -> UntoldRequest:
    """The request of a body; InvalidRequest names what is wrong."""
    read = read_request(EMBED, raw, "input")
    given = read.body["input"]
    if not isinstance(given, str | list) or not given:
        raise InvalidRequest("'input' must be a text, or a list that is not empty.", param="input")
    return UntoldRequest(EMBED, read.model, read.body, raw)


def texts_of(request: LanguageRequest) -> tuple[str, ...]:
    """The texts of a request, for upstreams that take nothing else; InvalidRequest for tokens, and for empty texts."""
    given = request.body["input"]
    texts = [given] if isinstance(given, str) else given
    if not all(isinstance(text, str) for text in texts):
        raise InvalidRequest(
            "This model takes texts alone: 'input' must be a text or a list of texts, not of tokens.",
            param="input",
            code="unsupported_value",
        )
    if not all(texts):
        raise InvalidRequest("A text of 'input' is empty.", param="input")
    if len(texts) > MOST_INPUTS:
        raise InvalidRequest(f"'input' must have at most {MOST_INPUTS:,} texts.", param="input")
    return tuple(texts)


def dimensions_of(request: LanguageRequest) -> int | None:
    """How many numbers a vector is to have; None leaves it to the model. InvalidRequest for what is no such number."""
    wanted = request.body.get("dimensions")
    if wanted is not None and (not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 1):
        raise InvalidRequest("'dimensions' must be a whole number from 1 on.", param="dimensions", code="invalid_type")
    return wanted


def encoding_of(request: LanguageRequest) -> str:
    """How vectors are to be written: ``float`` or ``base64``; InvalidRequest for any other."""
    wanted = request.body.get("encoding_format") or FLOAT
    if wanted not in {FLOAT, BASE64}:
        raise InvalidRequest(
            "'encoding_format' must be 'float' or 'base64'.", param="encoding_format", code="unsupported_value"
        )
    return str(wanted)


def write_vectors(
    request: LanguageRequest, vectors: Sequence[Sequence[float]], *, model: str, tokens: int | None
) -> bytes:
    """The answer in JSON, its vectors written as they were asked for, one for each text and in their order.

    ``tokens`` are those of all texts; of an upstream that counts none the answer says 0, because clients need a number.
    """
    encoding = encoding_of(request)
    written = (packed(vector) if encoding == BASE64 else list(vector) for vector in vectors)
    return msgspec.json.encode({
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(written)
        ],
        "model": model,
        "usage": {"prompt_tokens": tokens or 0, "total_tokens": tokens or 0},
    })  # fmt: skip


def packed(vector: Sequence[float]) -> str:
    """A vector as clients unpack it: base64 of single-precision floats, the least byte first."""
    return base64.b64encode(_turned(array("f", vector)).tobytes()).decode()


def unpacked(text: str) -> list[float]:
    """The numbers of such a vector; ValueError where it is none."""
    numbers = array("f", base64.b64decode(text, validate=True))
    return _turned(numbers).tolist()


def _turned(numbers: "array[float]") -> "array[float]":
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


_VECTOR = {"anyOf": [{"type": "array", "items": {"type": "number"}}, {"type": "string", "description": "In base64."}]}
_TEXTS = [
    {"type": "string"},
    {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MOST_INPUTS},
    {"type": "array", "items": {"type": "integer"}, "minItems": 1},
    {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}, "minItems": 1},
]

EMBEDDINGS: Family[UntoldRequest, Spoken] = Family(
    operation=EMBED,
    method="POST",
    path="/embeddings",
    tag="Embeddings",
    summary="Create Embeddings",
    description="Turns texts into vectors that stand the closer together the more alike the texts are in meaning.",
    takes="The texts and options.",
    gives="A vector for each text.",
    json_fields=(
        Field("model", {"type": "string", "maxLength": 256}, "The model to use.", required=True),
        Field("input", {"anyOf": _TEXTS}, "A text, several, or one or several as tokens.", required=True),
        Field(
            "encoding_format",
            {"type": "string", "enum": [FLOAT, BASE64], "default": FLOAT},
            "How vectors are written: as numbers, or in base64 of single-precision floats, the least byte first.",
        ),
        Field("dimensions", {"type": "integer", "minimum": 1}, "How many numbers a vector has, where the model can."),
        Field("user", {"type": "string"}, "A name for the end user, for the upstream's own watch against misuse."),
        Field(
            "input_type",
            {"type": "string", "enum": ["search_document", "search_query", "classification", "clustering"]},
            "What the vectors are for, where the model wants to know.",
            extension=True,
        ),
        Field(
            "truncate",
            {"type": "string", "enum": ["NONE", "START", "END"]},
            "Where texts that are too long are cut, where the model can.",
            extension=True,
        ),
    ),
    reply_schema={
        "type": "object",
        "properties": {
            "object": {"type": "string", "enum": ["list"]},
            "data": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "object": {"type": "string", "enum": ["embedding"]},
                        "index": {"type": "integer"},
                        "embedding": _VECTOR,
                    },
                    "required": ["object", "index", "embedding"],
                },
            },
            "model": {"type": "string"},
            "usage": {
                "type": "object",
                "properties": {"prompt_tokens": {"type": "integer"}, "total_tokens": {"type": "integer"}},
                "required": ["prompt_tokens", "total_tokens"],
            },
        },
        "required": ["object", "data", "model", "usage"],
    },
    parse=read_embeddings,
    ignored=lambda _: (),
    write=write_spoken,
)
