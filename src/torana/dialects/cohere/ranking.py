"""``/v2/rerank``: the family speaks this dialect, so that what it does not know passes through both ways."""

from typing import Any

import msgspec
from msgspec import Struct

from torana.dialects.rerankers import billed, consumed
from torana.dialects.steps import Received, json_message
from torana.dialects.ways import Answered, Asking, At
from torana.families.language.rerank import RerankRequest

_FIRST_VERSION = frozenset({"return_documents", "max_chunks_per_doc"})
"""Fields that only the first version of the API knows."""
_OURS = _FIRST_VERSION | {"stream"}


class _Ranking(Struct):
    results: list[Any]


def body_of(request: RerankRequest, at: At) -> dict[str, Any]:
    """The request as the second version of the API knows it."""
    kept = {name: value for name, value in request.body.items() if name not in _OURS}
    return {**kept, "model": at.model, "documents": request.texts, **at.parameters}


def rerank(request: RerankRequest, at: At) -> Asking:
    """The way to Cohere."""
    return Asking(
        json_message("POST", "/v2/rerank", body_of(request, at)),
        lambda received: answered(received, request),
        ignored=ignored_of(request),
    )


def ignored_of(request: RerankRequest) -> tuple[str, ...]:
    """Fields that are left out of the request."""
    return tuple(name for name in request.further if name in _FIRST_VERSION)


def answered(received: Received, request: RerankRequest) -> Answered:
    """The answer as it came, with the documents in it where those are wanted back."""
    received.read(_Ranking)
    units = billed(received, request)
    if not request.return_documents:
        return Answered(received.body, consumed(units))
    reply = received.read(dict[str, Any])
    documents = request.body["documents"]
    for result in reply["results"]:
        document = documents[result["index"]]
        result["document"] = document if isinstance(document, dict) else {"text": document}
    return Answered(msgspec.json.encode(reply), consumed(units))
