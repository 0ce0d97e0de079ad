"""How a vendor departs from OpenAI, as data, and requests in its manner."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from torana.core.errors import InvalidRequest
from torana.core.exchange import EVENT_STREAM, Message
from torana.dialects.ways import At

_NULL = b"null"
_COUNTED: dict[str, Any] = {"include_usage": True}
"""What makes an upstream tell at a stream's end what was used."""
_encode = msgspec.json.Encoder().encode
_SHORT = 16
"""Bytes of a value that may have nothing in it, at most."""


@dataclass(frozen=True, slots=True)
class Manner:
    """What is known of a vendor's way of speaking OpenAI's dialect."""

    renamed: Mapping[str, str] = field(default_factory=dict)
    """Fields it has under another name, by OpenAI's: ``max_completion_tokens`` is often still ``max_tokens``."""
    refused: frozenset[str] = frozenset()
    """Fields it does not have, without which the answer would be another: of these we refuse the request."""
    ignored: frozenset[str] = frozenset()
    """Fields it does not have, which change nothing: they are left out, and told."""
    counts_streams: bool = True
    """Whether it knows ``stream_options``, by which streams tell what was used."""
    headers: tuple[tuple[str, str], ...] = ()
    """Headers that go with every request."""
    sends_model: bool = True
    """Whether the model is named in the body; else the path does."""
    cost: str | None = None
    """Where its ``usage`` says what it charged, in US dollars: a member's name, with dots for members of members."""
    knows: frozenset[str] = frozenset()
    """Fields beyond OpenAI's that it has: ``top_k``."""
    schemas: bool = True
    """Whether it holds answers to a schema; else it is told the schema in words, and to answer in JSON."""
    thoughts: str | None = None
    """The member of a message in which it takes its thoughts back; None where it takes none."""

    touched: frozenset[str] = field(init=False, repr=False)
    """Fields of a client's that do not simply go on as they are."""
    heads: tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]] = field(init=False, repr=False)
    """Headers of a request for a whole answer, and of one for events."""

    def __post_init__(self) -> None:
        uncounted = frozenset[str]() if self.counts_streams else frozenset({"stream_options"})
        object.__setattr__(self, "touched", self.refused | self.ignored | self.renamed.keys() | uncounted)
        heads = tuple(
            (("content-type", "application/json"), ("accept", kind), *self.headers)
            for kind in ("application/json", EVENT_STREAM)
        )
        object.__setattr__(self, "heads", heads)

    def charged(self, usage: object) -> Decimal | None:
        """What it says it charged, in US dollars."""
        if self.cost is None:
            return None
        found = usage
        for name in self.cost.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
        try:
            return Decimal(str(found)) if isinstance(found, int | float | str) else None
        except InvalidOperation:
            return None


PLAIN = Manner()
"""OpenAI's own."""

Path = str | Callable[[At], str]
"""Where a request goes: always the same, or by the model's name."""


def written(
    fields: Mapping[str, Any], at: At, manner: Manner, *, stream: bool = False
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The body in a vendor's manner, and the fields that it has no room for; InvalidRequest for those it must have.

    The operator's own fields count more than any other.
    """
    body = dict(fields)
    body.pop("model", None)
    ignored: tuple[str, ...] = () if manner.touched.isdisjoint(body) else _fitted(body, manner)
    if manner.sends_model:
        body["model"] = at.model
    if stream and manner.counts_streams:
        options = body.get("stream_options")
        body["stream_options"] = _COUNTED if options is None else _options(options) | _COUNTED
    if at.parameters:
        body |= at.parameters
    return body, ignored


def _fitted(body: dict[str, Any], manner: Manner) -> tuple[str, ...]:
    """Brings a body into the manner; the fields that it has no room for."""
    for name in manner.refused & body.keys():
        if not is_null(body.pop(name)):
            raise InvalidRequest(
                f"'{name}' is not supported by this model's provider.", param=name, code="unsupported_parameter"
            )
    left_out = [name for name in body if name in manner.ignored]
    ignored = tuple(name for name in left_out if not is_null(body.pop(name)))
    for name, new in manner.renamed.items():
        if name in body:
            body[new] = body.pop(name)
    if not manner.counts_streams:
        body.pop("stream_options", None)
    return ignored


def message(path: Path, body: Mapping[str, Any], at: At, manner: Manner, *, stream: bool) -> Message:
    """A body on its way."""
    headers = manner.heads[stream]
    if at.forwarded:
        headers += at.forwarded
    where = path if isinstance(path, str) else path(at)
    return Message("POST", where, headers, (_encode(body),))


def is_null(value: object) -> bool:
    """Whether a member is as good as not there."""
    return value is None or (isinstance(value, msgspec.Raw) and bytes(value) == _NULL)


def is_nothing(value: msgspec.Raw | None) -> bool:
    """Whether a member is not there, or has nothing in it."""
    return value is None or (len(bytes(value)) <= _SHORT and not msgspec.json.decode(value))


def _options(given: object) -> dict[str, Any]:
    options = msgspec.json.decode(given) if isinstance(given, msgspec.Raw) else given
    return dict(options) if isinstance(options, Mapping) else {}
