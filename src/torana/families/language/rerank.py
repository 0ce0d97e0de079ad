"""``POST /rerank``: a question and documents in, and which of them answer it best out.

Shapes: Cohere's second version of its API, and of its first what clients still ask for: ``return_documents``, and
documents that are objects with a ``text``.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from torana.core.errors import InvalidRequest
from torana.families.base import Family, Field
from torana.families.faults import Fault, Wording
from torana.families.language.asked import Spoken, frame, read_request, write_spoken
from torana.families.language.embeddings import UntoldRequest

RERANK = "rerank"
MOST_DOCUMENTS = 10_000
_DOCUMENTS_OF_A_UNIT = 100
_LETTERS_OF_A_PIECE = 500
"""A piece has so many tokens, of which hardly any has less than a letter."""
_MOST_PIECES = 9
"""Of one document, where its first 4,096 tokens count."""
_KNOWN = frozenset({"model", "query", "documents", "top_n", "return_documents", "stream"})


class RerankRequest(UntoldRequest, frozen=True, kw_only=True):
    """A checked request."""

    query: str
    texts: tuple[str, ...]
    """The documents' words."""
    top_n: int | None = None
    return_documents: bool = False

    @property
    def most_units(self) -> int:
        """Search units at most, of which each is a question and a hundred documents, or pieces of longer ones."""
        pieces = sum(min((len(self.query) + len(text)) // _LETTERS_OF_A_PIECE + 1, _MOST_PIECES) for text in self.texts)
        return -(-pieces // _DOCUMENTS_OF_A_UNIT)

    @property
    def further(self) -> Mapping[str, Any]:
        """Fields beyond those that every model of this kind knows; those that are null are none."""
        return {name: value for name, value in self.body.items() if name not in _KNOWN and value is not None}


class Rank(Struct, frozen=True):
    """A document's place."""

    index: int
    relevance_score: float


class _Version(Struct, frozen=True):
    version: str = "2"


class Units(Struct, frozen=True, omit_defaults=True):
    """What the ranking is charged by, as far as the upstream says."""

    search_units: int | None = None
    input_tokens: int | None = None


class _Tokens(Struct, frozen=True):
    input_tokens: int


class _Meta(Struct, frozen=True):
    billed_units: Units
    api_version: _Version = _Version()
    tokens: _Tokens | UnsetType = UNSET


class _Result(Struct, frozen=True):
    index: int
    relevance_score: float
    document: Any = UNSET


class _Ranking(Struct, frozen=True):
    id: str
    results: list[_Result]
    meta: _Meta


def read_rerank(raw: bytes) -> RerankRequest:
    """The request of a body; InvalidRequest names what is wrong."""
    read = read_request(RERANK, raw, "query", "documents")
    body = read.body
    if body.get("rank_fields") is not None:
        raise InvalidRequest(
            "'rank_fields' is not supported: send documents as texts.",
            param="rank_fields",
            code="unsupported_parameter",
        )
    query, documents, wanted = body["query"], body["documents"], body.get("return_documents")
    if not isinstance(query, str) or not query:
        raise InvalidRequest("'query' must be a text that is not empty.", param="query")
    if not isinstance(documents, list) or not 1 <= len(documents) <= MOST_DOCUMENTS:
        raise InvalidRequest(f"'documents' must be a list of 1 to {MOST_DOCUMENTS:,}.", param="documents")
    if wanted is not None and not isinstance(wanted, bool):
        raise InvalidRequest("'return_documents' must be true or false.", param="return_documents", code="invalid_type")
    return RerankRequest(
        RERANK,
        read.model,
        body,
        raw,
        query=query,
        texts=tuple(_text(document, index) for index, document in enumerate(documents)),
        top_n=_top_n(body),
        return_documents=bool(wanted),
    )


def _text(document: object, index: int) -> str:
    text = document.get("text") if isinstance(document, dict) else document
    if not isinstance(text, str):
        raise InvalidRequest(
            "A document must be a text, or an object with a 'text'.", param=f"documents[{index}]", code="invalid_type"
        )
    return text


def _top_n(body: Mapping[str, Any]) -> int | None:
    wanted = body.get("top_n")
    if wanted is not None and (not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 1):
        raise InvalidRequest("'top_n' must be a whole number from 1 on.", param="top_n", code="invalid_type")
    return wanted


def write_ranking(request: RerankRequest, ranks: Iterable[Rank], *, id: str, units: Units) -> bytes:  # noqa: A002 - theirs
    """The answer in JSON: the best first, as many as asked for, with their documents where those are wanted back."""
    best = sorted(ranks, key=lambda rank: -rank.relevance_score)[: request.top_n]
    tokens = UNSET if units.input_tokens is None else _Tokens(units.input_tokens)
    results = [_Result(rank.index, rank.relevance_score, _returned(request, rank.index)) for rank in best]
    return msgspec.json.encode(_Ranking(id, results, _Meta(units, tokens=tokens)))


def _returned(request: RerankRequest, index: int) -> object:
    if not request.return_documents:
        return UNSET
    document = request.body["documents"][index]
    return document if isinstance(document, dict) else {"text": document}


def _told(fault: Fault) -> bytes:
    members = {"message": fault.message, "type": fault.type, "param": fault.param, "code": fault.code}
    return msgspec.json.encode({"id": fault.request_id, "message": fault.message, "error": members})


COHERE = Wording(_told, lambda fault: frame(_told(fault), "error"))
"""Cohere's errors; OpenAI's stand beside them, for clients of both."""

_DOCUMENT = [{"type": "string"}, {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}]
_SPANS = {
    "type": "object",
    "properties": {
        "mode": {"type": "string", "enum": ["enabled", "disabled"]},
        "threshold": {"type": "number"},
        "max_spans": {"type": "integer"},
    },
    "required": ["mode"],
}
_RESULT = {
    "type": "object",
    "properties": {
        "index": {"type": "integer", "description": "The document's place in the request, from 0."},
        "relevance_score": {"type": "number", "description": "The higher, the better it answers the query."},
        "document": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
    },
    "required": ["index", "relevance_score"],
}

RERANKING: Family[RerankRequest, Spoken] = Family(
    operation=RERANK,
    method="POST",
    path="/rerank",
    also=("/v2/rerank",),
    tag="Rerank",
    summary="Rerank Documents",
    description="Orders documents by how well they answer a query.",
    takes="The query and the documents.",
    gives="The documents' order and scores.",
    wording=COHERE,
    json_fields=(
        Field("model", {"type": "string", "maxLength": 256}, "The model to use.", required=True),
        Field("query", {"type": "string", "minLength": 1}, "What is looked for.", required=True),
        Field(
            "documents",
            {"type": "array", "items": {"anyOf": _DOCUMENT}, "minItems": 1, "maxItems": MOST_DOCUMENTS},
            "Texts to be ordered.",
            required=True,
        ),
        Field("top_n", {"type": "integer", "minimum": 1}, "How many of the best to tell; all where it is left out."),
        Field("max_tokens_per_doc", {"type": "integer", "minimum": 1}, "Tokens of a document that count, at most."),
        Field("return_documents", {"type": "boolean", "default": False}, "Whether to send the documents back."),
        Field("relevant_spans", _SPANS, "Whether to say which parts of documents are relevant, where the model can."),
        Field("priority", {"type": "integer"}, "How early the upstream handles it under load, 0 first."),
    ),
    reply_schema={
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "results": {"type": "array", "items": _RESULT},
            "meta": {"type": "object"},
        },
        "required": ["results"],
    },
    parse=read_rerank,
    ignored=lambda _: (),
    write=write_spoken,
)
