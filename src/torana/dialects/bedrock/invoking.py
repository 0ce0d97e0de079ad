"""Vectors and rankings by InvokeModel, in the words of the models' makers.

Source: Bedrock's user guide, "Inference request parameters" for Titan and Cohere, and "Rerank".
"""

from collections.abc import Mapping

from msgspec import Struct

from torana.core.errors import InvalidRequest
from torana.core.exchange import Message
from torana.dialects import rerankers
from torana.dialects.bedrock.asking import model_path
from torana.dialects.cohere.embedding import embed_body, embedded, emulated_of, ignored_of
from torana.dialects.steps import Received, json_message
from torana.dialects.ways import Answered, Asking, At, Consumption
from torana.families.language.asked import LanguageRequest
from torana.families.language.embeddings import dimensions_of, texts_of, write_vectors
from torana.families.language.rerank import RerankRequest

_COUNT = "x-amzn-bedrock-input-token-count"
_FIRST_TITAN = "titan-embed-text-v1"
_COHERE_RERANK = "cohere.rerank"
_HEARD = frozenset({"model", "input", "encoding_format", "dimensions", "stream"})


class _Vector(Struct, rename="camel"):
    embedding: list[float]
    input_text_token_count: int | None = None


def titan_embed(request: LanguageRequest, at: At) -> Asking:
    """The way to Titan's vectors; InvalidRequest for more than one text, because it takes one at a time."""
    texts = texts_of(request)
    if len(texts) != 1:
        raise InvalidRequest("This model takes one text at a time.", param="input", code="unsupported_value")
    dimensions = dimensions_of(request)
    if dimensions is not None and _FIRST_TITAN in at.model:
        raise InvalidRequest("This model has one length of vectors.", param="dimensions", code="unsupported_parameter")
    body = {"inputText": texts[0]} | ({} if dimensions is None else {"dimensions": dimensions})
    ignored = tuple(name for name, value in request.body.items() if name not in _HEARD and value is not None)
    return Asking(_invoke(at, body), lambda received: _titan(received, request, at), ignored=ignored)


def _titan(received: Received, request: LanguageRequest, at: At) -> Answered:
    vector = received.read(_Vector)
    count = vector.input_text_token_count
    data = write_vectors(request, [vector.embedding], model=at.model, tokens=count)
    return Answered(data, Consumption({} if count is None else {"text_in": count}))


def cohere_embed(request: LanguageRequest, at: At) -> Asking:
    """The way to the vectors of Cohere's models."""
    return Asking(
        _invoke(at, embed_body(request)),
        lambda received: embedded(received, request, at, tokens=_counted(received)),
        emulated=emulated_of(request),
        ignored=ignored_of(request),
    )


def rerank(request: RerankRequest, at: At) -> Asking:
    """The way to rankings, Cohere's and Amazon's own."""
    body: dict[str, object] = {"query": request.query, "documents": request.texts}
    if request.top_n is not None:
        body["top_n"] = request.top_n
    further = dict(request.further)
    if _COHERE_RERANK in at.model:
        body["api_version"] = 2
        if "max_tokens_per_doc" in further:
            body["max_tokens_per_doc"] = further.pop("max_tokens_per_doc")
    left = rerankers.ignored_of(request)
    return Asking(
        _invoke(at, body),
        lambda received: rerankers.ranked(received, request, at),
        ignored=tuple(name for name in left if name in further),
    )


def _counted(received: Received) -> int | None:
    told = received.headers.get(_COUNT, "")
    return int(told) if told.isdecimal() else None


def _invoke(at: At, body: Mapping[str, object]) -> Message:
    return json_message("POST", model_path(at.model, "invoke"), {**body, **at.parameters})
