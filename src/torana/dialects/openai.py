"""OpenAI's dialect: its image endpoints, its error object, and the variants of both that servers really send.

Source: OpenAI's API reference and clients; DeepInfra, Lemonade and Xinference answer the same request.
"""

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from msgspec import Struct

from torana.core.errors import (
    CallerError,
    InvalidImage,
    InvalidRequest,
    Moderated,
    UpstreamAuth,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
)
from torana.core.waits import retry_after
from torana.dialects.inline import from_base64, from_url, lifted
from torana.dialects.refusals import moderated
from torana.dialects.steps import Inline, Link

_MODERATION_CODES = frozenset({
    "moderation_blocked", "content_policy_violation", "image_content_policy_violation", "contentFilter",
})  # fmt: skip
_IMAGE_CODES = frozenset({
    "empty_image_file", "image_file_too_large", "image_parse_error", "image_too_large", "image_too_small",
    "invalid_image", "invalid_image_format", "invalid_image_mode", "unsupported_image_media_type",
})  # fmt: skip
_REFUSALS = frozenset({400, 413, 415, 422})
# Not `response_format`: we asked for base64, whatever the caller wanted.
_CALLERS_FIELDS = frozenset({"image", "n", "size", "user"})
_MAX_RETRY_AFTER = 60.0


class _Item(Struct):
    b64_json: str | None = None
    url: str | None = None


class _Images(Struct):
    data: list[_Item | None] | None = None


_images = msgspec.json.Decoder(_Images)


class _Fault(Struct):
    type: object = None
    code: object = None
    param: object = None


class _FaultBody(Struct):
    error: _Fault


def decode_pictures(body: bytes) -> tuple[bytes | Inline | Link, ...]:
    """The pictures of a reply, as bytes, as they stand there, or as links.

    UpstreamError when it holds none or cannot be read.
    """
    return read_pictures(*lifted(body))


def read_pictures(rest: bytes, inlines: Mapping[str, Inline]) -> tuple[bytes | Inline | Link, ...]:
    """As ``decode_pictures``, of a reply out of which pictures were ``lifted``."""
    try:
        items = _images.decode(rest).data or ()
        pictures = tuple(
            [_picture(item, inlines) for item in items if item is not None and (item.b64_json or item.url)]
        )
    except (ValueError, RecursionError) as error:
        raise UpstreamError("The upstream's reply could not be understood.", code="upstream_invalid_reply") from error
    if not pictures:
        raise UpstreamError("The upstream answered without a picture.", code="upstream_empty_reply")
    return pictures


def decode_error(status: int, headers: Mapping[str, str], body: bytes) -> CallerError | UpstreamError:
    """What an upstream's error means for our caller: only what he could have known becomes his."""
    fault = _fault(body)
    error = _callers_fault(status, fault) or _upstreams_fault(status, headers)
    error.upstream_status = status
    return error


def _callers_fault(status: int, fault: _Fault) -> CallerError | None:
    code, param = str(fault.code), str(fault.param)
    if code in _MODERATION_CODES or fault.type == Moderated.type:
        return moderated()
    if status not in _REFUSALS:
        return None
    if code in _IMAGE_CODES:
        return InvalidImage("The upstream cannot use this picture.", code=code)
    if param in _CALLERS_FIELDS:
        return InvalidRequest(f"The upstream does not accept this value of '{param}'.", param=param)
    return None


def _upstreams_fault(status: int, headers: Mapping[str, str]) -> UpstreamError:
    match status:
        case 401 | 403:
            return UpstreamAuth("The upstream did not accept the gateway's credentials.")
        case 408 | 504:
            return UpstreamTimeout("The upstream did not finish in time.")
        case 429:
            wait = retry_after(headers)
            return UpstreamRateLimited(
                "The upstream asks to be called less often.",
                retry_after=None if wait is None else min(wait, _MAX_RETRY_AFTER),
            )
        case _ if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return UpstreamRejected(f"The upstream refused the request with status {status}.")
        case _:
            return UpstreamError(f"The upstream failed with status {status}.")


def _picture(item: _Item, inlines: Mapping[str, Inline]) -> bytes | Inline | Link:
    if item.b64_json:
        return inlines.get(item.b64_json) or from_base64(item.b64_json)
    return from_url(str(item.url))


def _fault(body: bytes) -> _Fault:
    try:
        return msgspec.json.decode(body, type=_FaultBody).error
    except (ValueError, RecursionError):
        return _Fault()
