"""What went wrong with a response, in OpenAI's words, whether a reply, an event or the response itself says it.

Source: OpenAI's package, ``ResponseError`` and ``ResponseErrorEvent``; its API reference, "Streaming events".
"""

from msgspec import Struct

from torana.core.errors import InvalidRequest, ToranaError
from torana.dialects.openai_language.errors import fault_inside
from torana.dialects.refusals import filtered

_LONGEST = 1000
"""Characters of an upstream's own words that are passed on."""
_CALLERS = frozenset({
    "context_length_exceeded", "data_residency_mismatch", "empty_image_file", "failed_to_download_image",
    "image_file_not_found", "image_file_too_large", "image_parse_error", "image_too_large", "image_too_small",
    "invalid_base64_image", "invalid_image", "invalid_image_format", "invalid_image_mode", "invalid_image_url",
    "invalid_prompt", "invalid_request_error", "unsupported_image_media_type",
})  # fmt: skip
_MODERATED = frozenset({
    "bio_policy", "content_filter", "content_policy_violation", "image_content_policy_violation",
    "misalignment_policy_violation", "moderation_blocked",
})  # fmt: skip


class Failure(Struct):
    """An error as these words have it."""

    code: str | int | None = None
    message: str | None = None
    param: str | None = None
    type: str | None = None


class ErrorEvent(Struct):
    """An event of the name ``error``: its members stand beside its type, or in one of their own."""

    code: str | int | None = None
    message: str | None = None
    param: str | None = None
    error: Failure | None = None

    @property
    def failure(self) -> Failure:
        """What it says."""
        return self.error or Failure(self.code, self.message, self.param)


def failed(failure: Failure) -> ToranaError:
    """What a failure that comes with a status of success means for our caller."""
    code = str(failure.code or failure.type or "")
    words = (failure.message or "The upstream refused the request.")[:_LONGEST]
    if code in _MODERATED:
        return filtered()
    if code in _CALLERS or failure.type == "invalid_request_error":
        return InvalidRequest(words, param=failure.param, code=code)
    return fault_inside({"code": code, "message": words, "param": failure.param, "type": failure.type or code})
