"""OpenAI's dialect: its image endpoints, its error object, and the variants of both that servers really send.

Source: OpenAI's API reference and clients; DeepInfra, Lemonade and Xinference answer the same request.
"""

import base64
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
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
from torana.core.exchange import Message, Upload
from torana.families.images import VariationRequest

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


class _Fault(Struct):
    type: object = None
    code: object = None
    param: object = None


class _FaultBody(Struct):
    error: _Fault


@dataclass(frozen=True, slots=True)
class Link:
    """A picture that the upstream left somewhere for us to fetch."""

    url: str


def encode_variation(request: VariationRequest, *, model: str, extensions: Collection[str], boundary: str) -> Message:
    """The request as a multipart form. Pictures are asked for as base64, so that no link can run out under way."""
    fields = {"model": model, "n": str(request.n), "response_format": "b64_json"}
    # No size leaves it to the upstream, which is what `auto` asks for; few servers know the word.
    fields |= {"size": str(request.size)} if request.size else {}
    fields |= {"user": request.user} if request.user else {}
    own = {"seed": request.seed, "strength": request.strength, "output_format": request.output_format}
    fields |= {name: str(own[name]) for name in sorted(request.extensions & set(extensions))}
    body: list[bytes | Upload] = [_text_part(boundary, name, value) for name, value in fields.items()]
    for number, image in enumerate(request.images):
        body += [_file_head(boundary, f"image{number}", image), image, b"\r\n"]
    body.append(f"--{boundary}--\r\n".encode())
    headers = (("content-type", f"multipart/form-data; boundary={boundary}"), ("accept", "application/json"))
    return Message("POST", "/images/variations", headers, tuple(body))


def decode_pictures(body: bytes) -> tuple[bytes | Link, ...]:
    """The pictures of a reply, as bytes or as links; UpstreamError when it holds none or cannot be read."""
    try:
        items = msgspec.json.decode(body, type=_Images).data or ()
        pictures = tuple(_picture(item) for item in items if item is not None and (item.b64_json or item.url))
    except (ValueError, RecursionError) as error:
        raise UpstreamError("The upstream's reply could not be understood.", code="upstream_invalid_reply") from error
    if not pictures:
        raise UpstreamError("The upstream answered without a picture.", code="upstream_empty_reply")
    return pictures


def decode_error(status: int, headers: Mapping[str, str], body: bytes) -> CallerError | UpstreamError:
    """What an upstream's error means for our caller: only what he could have known becomes his."""
    fault = _fault(body)
    return _callers_fault(status, fault) or _upstreams_fault(status, headers)


def _callers_fault(status: int, fault: _Fault) -> CallerError | None:
    code, param = str(fault.code), str(fault.param)
    if code in _MODERATION_CODES or fault.type == Moderated.type:
        return Moderated("The request was rejected by the upstream's safety system.")
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
            return UpstreamRateLimited("The upstream asks to be called less often.", retry_after=_retry_after(headers))
        case _ if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return UpstreamRejected(f"The upstream refused the request with status {status}.")
        case _:
            return UpstreamError(f"The upstream failed with status {status}.")


def _picture(item: _Item) -> bytes | Link:
    text = item.b64_json or str(item.url)
    if text.startswith("data:"):
        text = text.partition(",")[2]
    elif not item.b64_json:
        return Link(text)
    return base64.b64decode(text, validate=True)


def _text_part(boundary: str, name: str, value: str) -> bytes:
    return f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


def _file_head(boundary: str, name: str, image: Upload) -> bytes:
    # Our own file name and the sniffed type: the client's label may be wrong, or an attack on the upstream's parser.
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{name}.{image.info.format}"\r\n'
    return f"{head}Content-Type: {image.info.media_type}\r\n\r\n".encode()


def _fault(body: bytes) -> _Fault:
    try:
        return msgspec.json.decode(body, type=_FaultBody).error
    except (ValueError, RecursionError):
        return _Fault()


def _retry_after(headers: Mapping[str, str]) -> float | None:
    try:
        seconds = _seconds(headers["retry-after"], headers)
    except (KeyError, ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), _MAX_RETRY_AFTER) if math.isfinite(seconds) else None


def _seconds(wait: str, headers: Mapping[str, str]) -> float:
    """A wait as a number, or as a date, which counts from the date of the reply: their clock need not be ours."""
    try:
        return float(wait)
    except ValueError:
        return (_date(wait) - _date(headers["date"])).total_seconds()


def _date(text: str) -> datetime:
    # Every date in HTTP is in GMT, also those that do not say so.
    return parsedate_to_datetime(text).replace(tzinfo=None)
