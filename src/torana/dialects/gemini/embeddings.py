"""Texts to vectors, as Google's two places do it.

Source: google-genai 3.4.0, Google's references of ``batchEmbedContents``, ``embedContent`` and ``predict``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msgspec import Struct

from torana.core.errors import InvalidRequest
from torana.dialects.steps import Received, json_message, unreadable
from torana.dialects.ways import Answered, Asking, At, Consumption, Way
from torana.families.language.asked import LanguageRequest
from torana.families.language.embeddings import dimensions_of, encoding_of, texts_of, write_vectors

_KNOWN = frozenset({"model", "input", "dimensions", "encoding_format", "task_type", "title"})
_MOST_AT_ONCE = 100
"""Texts of one call, at the Gemini API."""

_Json = dict[str, object]


class _Statistics(Struct):
    token_count: float | None = None


class _Vector(Struct):
    values: list[float] = []
    statistics: _Statistics | None = None


class _Prediction(Struct):
    embeddings: _Vector


class _Usage(Struct, rename="camel"):
    prompt_token_count: int | None = None


class _Reply(Struct, rename="camel"):
    embeddings: list[_Vector] | None = None
    embedding: _Vector | None = None
    predictions: list[_Prediction] | None = None
    usage_metadata: _Usage | None = None

    @property
    def vectors(self) -> list[_Vector]:
        """All of them, whichever of the three it is the answer of."""
        if self.predictions is not None:
            return [prediction.embeddings for prediction in self.predictions]
        return [self.embedding] if self.embedding else self.embeddings or []

    @property
    def tokens(self) -> int | None:
        """Of all texts; None where it does not say of each."""
        if self.usage_metadata is not None and self.usage_metadata.prompt_token_count is not None:
            return self.usage_metadata.prompt_token_count
        counts = [each.statistics.token_count if each.statistics else None for each in self.vectors]
        known = [count for count in counts if count is not None]
        return round(sum(known)) if known and len(known) == len(counts) else None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request asks for."""

    texts: tuple[str, ...]
    model: str
    options: _Json
    """``taskType``, ``title``, ``outputDimensionality``, and what the operator adds."""


def in_batches(path: Callable[[At, str], str]) -> Way:
    """By ``batchEmbedContents`` of the Gemini API."""

    def body(wanted: Wanted) -> tuple[str, _Json]:
        if len(wanted.texts) > _MOST_AT_ONCE:
            raise InvalidRequest(
                f"This model takes at most {_MOST_AT_ONCE} texts at once.", param="input", code="unsupported_value"
            )
        model = f"models/{wanted.model}"
        requests = [{"model": model, "content": _content(text)} | wanted.options for text in wanted.texts]
        return "batchEmbedContents", {"requests": requests}

    return _way(path, body)


def in_project(path: Callable[[At, str], str]) -> Way:
    """By ``embedContent`` and ``batchEmbedContents`` as models of Gemini have them within Google Cloud."""

    def body(wanted: Wanted) -> tuple[str, _Json]:
        config = {"embedContentConfig": wanted.options} if wanted.options else {}
        requests: list[_Json] = [{"content": _content(text), **config} for text in wanted.texts]
        return ("embedContent", requests[0]) if len(requests) == 1 else ("batchEmbedContents", {"requests": requests})

    return _way(path, body)


def predicted(path: Callable[[At, str], str]) -> Way:
    """By ``predict``, as older models have it within Google Cloud."""

    def body(wanted: Wanted) -> tuple[str, _Json]:
        options = dict(wanted.options)
        beside = {"task_type": options.pop("taskType", None), "title": options.pop("title", None)}
        told = {name: value for name, value in beside.items() if value is not None}
        instances: _Json = {"instances": [{"content": text} | told for text in wanted.texts]}
        return "predict", instances | ({"parameters": options} if options else {})

    return _way(path, body)


def _way(path: Callable[[At, str], str], body: Callable[[Wanted], tuple[str, _Json]]) -> Way:
    def way(request: LanguageRequest, at: At) -> Asking:
        wanted = _wanted(request, at)
        encoding_of(request)
        method, told = body(wanted)

        def plain(received: Received) -> Answered:
            reply = received.read(_Reply)
            vectors = [each.values for each in reply.vectors]
            if len(vectors) != len(wanted.texts) or not all(vectors):
                raise unreadable()
            tokens = reply.tokens
            written = write_vectors(request, vectors, model=at.model, tokens=tokens)
            return Answered(written, Consumption({"text_in": tokens} if tokens else {}))

        ignored = tuple(name for name, value in request.body.items() if name not in _KNOWN and value is not None)
        return Asking(json_message("POST", path(at, method), told), plain, ignored=ignored)

    return way


def _wanted(request: LanguageRequest, at: At) -> Wanted:
    options: dict[str, Any] = {
        "taskType": _text(request, "task_type"),
        "title": _text(request, "title"),
        "outputDimensionality": dimensions_of(request),
    }
    told = {name: value for name, value in options.items() if value is not None} | dict(at.parameters)
    return Wanted(texts_of(request), at.model, told)


def _text(request: LanguageRequest, name: str) -> str | None:
    value = request.body.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidRequest(f"'{name}' must be a text.", param=name, code="invalid_type")
    return value


def _content(text: str) -> _Json:
    return {"parts": [{"text": text}]}
