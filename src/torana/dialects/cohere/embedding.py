"""``/v2/embed`` for requests in OpenAI's words.

Cohere's models want to know what vectors are for: ``input_type``, which a client may send along, and which is
``search_document`` where he does not.
"""

from collections.abc import Sequence
from math import ceil

from msgspec import Struct, field

from torana.core.errors import InvalidRequest
from torana.dialects.steps import Received, json_message, unreadable
from torana.dialects.ways import Answered, Asking, At, Consumption
from torana.families.language.asked import LanguageRequest
from torana.families.language.embeddings import dimensions_of, texts_of, write_vectors

MOST_TEXTS = 96
"""Of one request."""
_USUAL_TYPE = "search_document"
_TYPES = frozenset({"search_document", "search_query", "classification", "clustering"})
_ENDS = frozenset({"NONE", "START", "END"})
_HEARD = frozenset({
    "model", "input", "encoding_format", "dimensions", "input_type", "truncate", "stream",
})  # fmt: skip


class _ByType(Struct):
    floats: list[list[float]] | None = field(name="float", default=None)


class _Units(Struct):
    input_tokens: float | None = None


class _Meta(Struct):
    billed_units: _Units | None = None


class _Reply(Struct):
    embeddings: _ByType | list[list[float]] | None = None
    meta: _Meta | None = None


def embed(request: LanguageRequest, at: At) -> Asking:
    """The way to Cohere."""
    body = {**embed_body(request), "model": at.model, **at.parameters}
    return Asking(
        json_message("POST", "/v2/embed", body),
        lambda received: embedded(received, request, at),
        emulated=emulated_of(request),
        ignored=ignored_of(request),
    )


def embed_body(request: LanguageRequest) -> dict[str, object]:
    """The request but for its model; InvalidRequest for more texts than Cohere takes."""
    texts = texts_of(request)
    if len(texts) > MOST_TEXTS:
        raise InvalidRequest(
            f"This model takes at most {MOST_TEXTS} texts at a time.", param="input", code="unsupported_value"
        )
    fields = {
        "texts": texts,
        "input_type": _chosen(request, "input_type", _TYPES) or _USUAL_TYPE,
        "embedding_types": ("float",),
        "truncate": _chosen(request, "truncate", _ENDS),
        "output_dimension": dimensions_of(request),
    }
    return {name: value for name, value in fields.items() if value is not None}


def emulated_of(request: LanguageRequest) -> tuple[str, ...]:
    """``input_type``, where it is our choice."""
    return () if request.body.get("input_type") else ("input_type",)


def ignored_of(request: LanguageRequest) -> tuple[str, ...]:
    """Fields that Cohere has no words for."""
    return tuple(name for name, value in request.body.items() if name not in _HEARD and value is not None)


def embedded(received: Received, request: LanguageRequest, at: At, *, tokens: int | None = None) -> Answered:
    """The answer in OpenAI's words; UpstreamError where it makes no sense. ``tokens`` are those that a header tells."""
    reply = received.read(_Reply)
    vectors = _vectors(reply, len(texts_of(request)))
    units = (reply.meta or _Meta()).billed_units or _Units()
    counted = tokens if units.input_tokens is None else ceil(units.input_tokens)
    data = write_vectors(request, vectors, model=at.model, tokens=counted)
    return Answered(data, Consumption({} if counted is None else {"text_in": counted}))


def _vectors(reply: _Reply, count: int) -> Sequence[Sequence[float]]:
    found = reply.embeddings.floats if isinstance(reply.embeddings, _ByType) else reply.embeddings
    if found is None or len(found) != count:
        raise unreadable()
    return found


def _chosen(request: LanguageRequest, name: str, known: frozenset[str]) -> str | None:
    value = request.body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or value not in known:
        raise InvalidRequest(f"'{name}' must be one of {', '.join(sorted(known))}.", param=name)
    return value
