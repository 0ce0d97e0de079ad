"""Ways to have documents ordered by vendors and servers of rerankers, whose requests differ in a name or two.

Source: the references of Jina, Voyage and Hugging Face's Text Embeddings Inference; vLLM, Infinity, Xinference,
LocalAI, Together and Fireworks take what Jina takes. Answers are read in all of their forms alike.
"""

from collections.abc import Callable, Mapping
from math import ceil

from msgspec import Struct

from torana.core.errors import InvalidRequest
from torana.dialects.steps import Received, json_message, unreadable
from torana.dialects.ways import Answered, Asking, At, Consumption, Way
from torana.families.language.rerank import Rank, RerankRequest, Units, write_ranking


class _Item(Struct):
    index: int
    relevance_score: float | None = None
    score: float | None = None


class _Usage(Struct):
    total_tokens: int | None = None
    prompt_tokens: int | None = None


class _Counts(Struct):
    input_tokens: float | None = None
    search_units: float | None = None


class _Meta(Struct):
    billed_units: _Counts | None = None
    tokens: _Counts | None = None


class _Reply(Struct):
    results: list[_Item] | None = None
    data: list[_Item] | None = None
    id: str | None = None
    usage: _Usage | None = None
    meta: _Meta | None = None


Body = Callable[[RerankRequest, At], Mapping[str, object]]


def jina(path: str = "/rerank") -> Way:
    """Jina's, which most servers of open models speak: Cohere's fields, and the answer counts tokens."""
    return _way(path, lambda request, at: _given(request, model=at.model, documents=request.texts, top_n=request.top_n))


def voyage(path: str = "/rerank") -> Way:
    """Voyage's, where ``top_n`` is ``top_k``."""
    return _way(path, lambda request, at: _given(request, model=at.model, documents=request.texts, top_k=request.top_n))


def tei(path: str = "/rerank") -> Way:
    """Text Embeddings Inference's, which serves one model, orders all and is asked for ``texts``."""
    return _way(path, lambda request, _at: _given(request, texts=request.texts, truncate=True))


def _given(request: RerankRequest, **fields: object) -> dict[str, object]:
    return {"query": request.query} | {name: value for name, value in fields.items() if value is not None}


def _way(path: str, body: Body) -> Way:
    def way(request: RerankRequest, at: At) -> Asking:
        ignored = ignored_of(request)
        message = json_message("POST", path, {**body(request, at), **at.parameters})
        return Asking(message, lambda received: ranked(received, request, at), ignored=ignored)

    return way


def ignored_of(request: RerankRequest) -> tuple[str, ...]:
    """What of a request is Cohere's alone and may be left out; InvalidRequest for what may not."""
    spans = request.further.get("relevant_spans")
    if spans is not None and not (isinstance(spans, dict) and spans.get("mode") == "disabled"):
        raise InvalidRequest(
            "This model cannot say which spans are relevant.", param="relevant_spans", code="unsupported_parameter"
        )
    return tuple(request.further)


def ranked(received: Received, request: RerankRequest, at: At) -> Answered:
    """A vendor's answer in the client's words; UpstreamError where it makes no sense."""
    reply, ranks = _read(received, request)
    units = _units(reply)
    return Answered(write_ranking(request, ranks, id=reply.id or at.occasion.id, units=units), consumed(units))


def consumed(units: Units) -> Consumption:
    """What a ranking took: search units where it is charged by them, and tokens where those are counted."""
    return Consumption({} if units.input_tokens is None else {"text_in": units.input_tokens}, units=units.search_units)


def billed(received: Received, request: RerankRequest) -> Units:
    """What an answer says that it is charged by; UpstreamError where it makes no sense."""
    return _units(_read(received, request)[0])


def _read(received: Received, request: RerankRequest) -> tuple[_Reply, list[Rank]]:
    if received.body.lstrip().startswith(b"["):
        reply = _Reply(results=received.read(list[_Item]))
    else:
        reply = received.read(_Reply)
    items = reply.data if reply.results is None else reply.results
    if items is None or any(not 0 <= item.index < len(request.texts) for item in items):
        raise unreadable()
    return reply, [Rank(item.index, _score(item)) for item in items]


def _score(item: _Item) -> float:
    score = item.score if item.relevance_score is None else item.relevance_score
    if score is None:
        raise unreadable()
    return score


def _units(reply: _Reply) -> Units:
    usage, meta = reply.usage or _Usage(), reply.meta or _Meta()
    billed_units, tokens = meta.billed_units or _Counts(), meta.tokens or _Counts()
    counted = usage.total_tokens if usage.total_tokens is not None else usage.prompt_tokens
    if counted is None:
        counted = _whole(tokens.input_tokens if billed_units.input_tokens is None else billed_units.input_tokens)
    return Units(_whole(billed_units.search_units), counted)


def _whole(count: float | None) -> int | None:
    return None if count is None else ceil(count)
