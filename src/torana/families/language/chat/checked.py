"""Members of a request in their types; an error names the member by its whole path."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from torana.core.errors import InvalidRequest
from torana.families.language.asked import typed

T = TypeVar("T")

_MOST_ANSWERS = 128
_MOST_TOKENS = 2**31 - 1
_NUMBERS = frozenset({"temperature", "top_p", "presence_penalty", "frequency_penalty"})
_COUNTS = {"max_tokens": _MOST_TOKENS, "max_completion_tokens": _MOST_TOKENS, "n": _MOST_ANSWERS}
_SAMPLING = _NUMBERS | _COUNTS.keys()
_Number = float | None
_Tokens = Annotated[int, Meta(ge=1, le=_MOST_TOKENS)] | None


class _StreamOptions(Struct, gc=False):
    include_usage: bool | None = None


class _Sound(Struct, gc=False):
    """Options in which nothing is wrong."""

    temperature: _Number = None
    top_p: _Number = None
    presence_penalty: _Number = None
    frequency_penalty: _Number = None
    max_tokens: _Tokens = None
    max_completion_tokens: _Tokens = None
    n: Annotated[int, Meta(ge=1, le=_MOST_ANSWERS)] | None = None
    stream_options: _StreamOptions | None = None


def checked(value: object, kind: type[T], where: str) -> T:
    """A value that stands at a place in the body; InvalidRequest with the whole path of what is wrong."""
    try:
        return typed(value, kind)
    except InvalidRequest as error:
        param = f"{where}.{error.param}" if error.param else where
        told = error.message.partition(": ")[2] if error.param else error.message
        missing = error.code == "missing_required_parameter"
        message = f"Missing required parameter: '{param}'." if missing else f"Invalid value for '{param}': {told}"
        raise InvalidRequest(message, param=param, code=error.code) from error


def wrong(param: str, message: str) -> InvalidRequest:
    """A value that makes no sense."""
    return InvalidRequest(message, param=param)


def unsupported(param: str, message: str, *, value: bool = False) -> InvalidRequest:
    """A field, or a ``value`` of one, that nobody but its own API would understand."""
    return InvalidRequest(message, param=param, code="unsupported_value" if value else "unsupported_parameter")


def check_options(body: Mapping[str, Any]) -> None:
    """That numbers are numbers, and ``stream_options`` what it should be; InvalidRequest names what is not.

    Whatever is done with the rest, limits and prices are told from these.
    """
    try:
        msgspec.convert(body, _Sound)
    except msgspec.ValidationError:
        _check_sampling(body)
        _check_stream_options(body)


def _check_sampling(body: Mapping[str, Any]) -> None:
    # In an order of their own, so that of several wrong ones it is always the same that is named.
    for name in sorted(_SAMPLING.intersection(body)):
        value = body[name]
        if name in _COUNTS:
            _check_count(value, name, most=_COUNTS[name])
        elif value is not None and not _is_number(value):
            raise InvalidRequest(f"'{name}' must be a number.", param=name, code="invalid_type")


def _check_stream_options(body: Mapping[str, Any]) -> None:
    """That ``stream_options`` is an object, and what it says of usage true or false."""
    options = body.get("stream_options")
    if options is None:
        return
    if not isinstance(options, Mapping):
        raise InvalidRequest("'stream_options' must be an object.", param="stream_options", code="invalid_type")
    if not isinstance(options.get("include_usage"), bool | None):
        raise InvalidRequest(
            "'stream_options.include_usage' must be true or false.",
            param="stream_options.include_usage",
            code="invalid_type",
        )


def wants_usage(body: Mapping[str, Any]) -> bool:
    """Whether the last event of a stream is to tell what was used."""
    options = body.get("stream_options")
    return isinstance(options, Mapping) and options.get("include_usage") is True


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_count(value: object, name: str, most: int) -> None:
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidRequest(f"'{name}' must be a whole number.", param=name, code="invalid_type")
    if not 1 <= value <= most:
        raise wrong(name, f"'{name}' must be 1 to {most:,}.")
