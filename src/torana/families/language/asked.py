"""What every family of language has in common: a JSON body on its way in, and an answer on its way out."""

import re
import sys
from collections.abc import Mapping
from typing import Any, Self, TypeVar

import msgspec
from msgspec import Struct, structs

from torana.core.errors import InvalidRequest
from torana.core.exchange import Reply
from torana.families.base import Body, Publish

T = TypeVar("T")

_MAX_MODEL = 256
_BYTES_OF_A_TOKEN = 4
"""About as many; limits reserve an estimate and settle the truth."""
_USUAL_OUTPUT = 1024
"""Tokens that are reserved where the client sets no bound."""
_DECODER = msgspec.json.Decoder(dict[str, Any])
_PATH = re.compile(r"^\$\.?")
_MISSING = re.compile(r"Object missing required field `(.+)`")
OUTPUT_BOUNDS = ("max_completion_tokens", "max_output_tokens", "max_tokens")
_HOW_MANY = ("n", "best_of")
_BOUNDS = frozenset(OUTPUT_BOUNDS)
_MULTIPLES = frozenset({*_HOW_MANY, "prompt"})
"""Members without which one answer is asked for."""
_READ_HERE = frozenset({
    "model", "stream", "stream_options", "messages", "prompt", "suffix", "input", "system", "instructions", "query",
    "queries", "documents", "tools", "n", "best_of", *OUTPUT_BOUNDS, "store", "previous_response_id", "conversation",
    "background",
})  # fmt: skip
"""Members that decide here who answers, what is checked, and what it may cost."""


class LanguageRequest(Struct, frozen=True):
    """A checked request: its body as it came, so that what we do not know can pass through untouched."""

    operation: str
    model: str
    body: Mapping[str, Any]
    """The JSON object. What is in it beyond ``model`` and ``stream`` is checked by whoever reads it."""
    raw: bytes
    """The bytes that it was read from."""
    stream: bool = False
    """Whether the answer is to come as events."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.operation!r}, {self.model!r}, {len(self.raw)} bytes)"

    @property
    def parts(self) -> tuple[bytes, ...]:
        """All that makes two requests the same."""
        return self.operation.encode(), self.raw

    @property
    def length(self) -> int:
        """Bytes of all that is asked."""
        return len(self.raw)

    @property
    def characters(self) -> int:
        """Of a text that is to be spoken."""
        return 0

    @property
    def seconds(self) -> float | None:
        """Of a sound that is to be listened to, at most; None where there is none."""
        return None

    @property
    def free(self) -> bool:
        """Whether vendors take no money for what is asked."""
        return False

    @property
    def most_units(self) -> int:
        """What a call is charged by at most, where not by tokens: searches of documents, and else the call itself."""
        return 1

    @property
    def longest(self) -> int | None:
        """Tokens that may come out, as far as the client bounds them, in all answers together."""
        body, most = self.body, -1
        if _BOUNDS.isdisjoint(body):
            return None
        for name in OUTPUT_BOUNDS:
            bound = body.get(name)
            if isinstance(bound, int) and bound > most:
                most = bound
        return None if most < 0 else most * self.answers

    @property
    def answers(self) -> int:
        """How many answers are asked for: to each of several prompts so many, of which not all need be told."""
        body, each = self.body, 1
        if _MULTIPLES.isdisjoint(body):
            return each
        for name in _HOW_MANY:
            count = body.get(name)
            if isinstance(count, int) and count > each:
                each = count
        prompts = body.get("prompt")
        # A list of numbers is the tokens of one prompt.
        if not isinstance(prompts, list) or all(isinstance(prompt, int) for prompt in prompts):
            return each
        return each * len(prompts)

    @property
    def amounts(self) -> dict[str, int]:
        """How much it asks for: tokens are an estimate."""
        out = self.longest
        if out is None:
            out = _USUAL_OUTPUT * self.answers
        return {"tokens": len(self.raw) // _BYTES_OF_A_TOKEN + out, "bytes": len(self.raw)}

    def as_read(self) -> Self:
        """The same in our own writing.

        Of a member that is there twice an upstream might read the one that was not read here; so nobody has one thing
        checked, or kept for others, and another answered.
        """
        return structs.replace(self, raw=msgspec.json.encode(self.body)) if self.raw else self


class Spoken(Struct, frozen=True):
    """An answer in its family's own words: the whole of it, as bytes."""

    data: bytes
    media_type: str = "application/json"
    told: bool = False
    """Whether the client has it already, because it was told while it came."""

    def __repr__(self) -> str:
        return f"Spoken({len(self.data)} bytes, {self.media_type!r}, told={self.told})"

    @property
    def size(self) -> int:
        """How many bytes it takes to keep; more than anybody has for one that was told and is there no more."""
        return sys.maxsize if self.told else len(self.data)


def read_object(raw: bytes) -> dict[str, Any]:
    """The JSON object that a body is; InvalidRequest for any other."""
    try:
        return _DECODER.decode(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(
            'The body is not a valid JSON object. Send one, in UTF-8, such as {"model": "...", ...}.',
            code="invalid_json",
        ) from error


def read_request(operation: str, raw: bytes, *needed: str) -> LanguageRequest:
    """The request of a body that has a ``model``, and all that is ``needed``; InvalidRequest names what is wrong."""
    body = read_object(raw)
    names = "".join(body)
    if not (names.islower() and names.isascii()):
        _refuse_lookalikes(body)
    model = body.get("model")
    if not isinstance(model, str) or not 0 < len(model) <= _MAX_MODEL:
        if model is None:
            raise _missing("model")
        raise InvalidRequest(f"'model' must be a text of 1 to {_MAX_MODEL} characters.", param="model")
    for name in needed:
        if body.get(name) is None:
            raise _missing(name)
    stream = body.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise InvalidRequest("'stream' must be true or false.", param="stream", code="invalid_type")
    return LanguageRequest(operation, model, body, raw, bool(stream))


def typed(body: object, kind: type[T]) -> T:
    """A body as the struct that describes it; InvalidRequest names the first member that is not as described."""
    try:
        return msgspec.convert(body, kind, strict=True)
    except msgspec.ValidationError as error:
        wrong, _, where = str(error).partition(" - at `")
        param = _PATH.sub("", where.rstrip("`")) or None
        missing = _MISSING.fullmatch(wrong)
        if missing is not None:
            param = f"{param}.{missing[1]}" if param else missing[1]
            raise InvalidRequest(
                f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter"
            ) from error
        told = wrong.replace("`", "'")
        raise InvalidRequest(
            f"Invalid value for '{param}': {told[:1].lower()}{told[1:]}." if param else f"{told}.",
            param=param,
            code="invalid_type",
        ) from error


def _refuse_lookalikes(body: Mapping[str, Any]) -> None:
    """Many an upstream takes ``Messages`` for ``messages``, which here would be a member that nobody knows."""
    for name in body:
        meant = name.casefold()
        if meant != name and meant in _READ_HERE:
            raise InvalidRequest(f"'{name}' must be written '{meant}'.", param=name, code="unknown_parameter")


def _missing(name: str) -> InvalidRequest:
    return InvalidRequest(f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter")


async def write_spoken(_request: object, reply: Reply[Spoken], _publish: Publish) -> Body:
    """The answer as it is; nothing of one that was told."""
    return body_of(reply.body)


def body_of(spoken: Spoken) -> Body:
    """What of an answer is still to be sent."""
    return Body(spoken.media_type, 0, ()) if spoken.told else Body(spoken.media_type, len(spoken.data), (spoken.data,))


def frame(data: bytes, name: str | None = None) -> bytes:
    """One server-sent event."""
    head = b"" if name is None else b"event: %s\n" % name.encode()
    return b"%sdata: %s\n\n" % (head, data)
