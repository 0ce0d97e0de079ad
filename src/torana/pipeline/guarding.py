"""Shows guardrails what is asked and what is answered, and puts in place what they make of it."""

import base64
from collections.abc import Mapping
from functools import partial
from typing import Any, TypeVar, cast

import msgspec
from msgspec import structs

from torana.core.errors import GuardrailFailed, InvalidRequest
from torana.core.exchange import Asked, Reply
from torana.families.audio.listening import SoundRequest
from torana.families.images.request import ImageRequest
from torana.families.language.asked import LanguageRequest, Spoken
from torana.families.language.responses.continued import Continued
from torana.families.listed import FAMILIES
from torana.policy.guardrails.checks import CheckFailed
from torana.policy.guardrails.watch import Watch
from torana.policy.matching import Facts
from torana.telemetry.record import Record

R = TypeVar("R", bound=Asked)

_PARSE = {family.operation: family.parse for family in FAMILIES if family.parse is not None}
_FIXED = ("model", "stream", "stream_format")
"""Members that are no guardrail's to change: what was planned and is told depends on them."""
_MOST_SHOWN = 24 * 1024**2
"""Bytes of uploaded pictures."""
_PROMPT, _NEGATIVE = "prompt", "negative_prompt"


async def guard_request(request: R, watch: Watch, facts: Facts, record: Record) -> R:
    """The request as the guardrails let it go on; GuardrailBlocked and GuardrailFailed where they do not."""
    before = document_of(request) if watch.before else None
    if before is None:
        return request
    with record.stage("guard"):
        try:
            after = await watch.asked(before, facts, partial(_pictures, request))
        except RecursionError as error:
            raise InvalidRequest("The body is nested too deeply to be checked.", code="invalid_json") from error
    return request if after is before else _with(request, after)


async def guard_answer(reply: Reply[Any], request: Asked, *, watch: Watch, facts: Facts, record: Record) -> Reply[Any]:
    """The answer as the guardrails let it go on, errors as above; one that was told already is past guarding."""
    spoken = reply.body
    if not watch.after or not isinstance(spoken, Spoken) or spoken.told:
        return reply
    before = _answered(spoken)
    if before is None:
        return reply
    with record.stage("guard"):
        try:
            after = await watch.answered(document_of(request) or {}, before, facts)
        except RecursionError as error:
            failed = GuardrailFailed("The answer cannot be checked: it is nested too deeply.")
            failed.spent = True
            raise failed from error
    if after is before:
        return reply
    is_text = not _is_json(spoken)
    data = str(after.get("text", "")).encode() if is_text else msgspec.json.encode(after)
    return structs.replace(reply, body=structs.replace(spoken, data=data))


def as_read(request: R) -> R:
    """The request without what was not read of it, so that nothing else is asked than was looked at."""
    return cast("R", request.as_read()) if isinstance(request, LanguageRequest) else request


def document_of(request: Asked) -> Mapping[str, Any] | None:
    """What is asked, in JSON; None where nothing is said in it."""
    if isinstance(request, LanguageRequest):
        return request.body
    if isinstance(request, ImageRequest):
        words = {_PROMPT: request.prompt, _NEGATIVE: request.wishes.get(_NEGATIVE)}
        return {"model": request.model, "n": request.n} | {name: text for name, text in words.items() if text}
    return None


def _with(request: R, document: Mapping[str, Any]) -> R:
    """The request as the document has it; GuardrailFailed where that is none."""
    if isinstance(request, ImageRequest):
        wishes = {**request.wishes, **{name: str(document[name]) for name in (_NEGATIVE,) if name in document}}
        prompt = document.get(_PROMPT)
        return structs.replace(request, prompt=None if prompt is None else str(prompt), wishes=wishes)
    assert isinstance(request, LanguageRequest)
    fixed = {name: request.body[name] for name in _FIXED if name in request.body}
    body = {**{name: value for name, value in document.items() if name not in _FIXED}, **fixed}
    if isinstance(request, SoundRequest):
        fields = tuple((name, str(body.get(name, text))) for name, text in request.fields)
        return structs.replace(request, body=body, fields=fields)
    parse = _PARSE.get(request.operation)
    raw = msgspec.json.encode(body)
    try:
        read = structs.replace(request, body=body, raw=raw) if parse is None else parse(raw)
        # No upstream has a conversation that was changed on its way here.
        return structs.replace(request, body=body, raw=raw, account="") if isinstance(request, Continued) else read
    except InvalidRequest as error:
        raise GuardrailFailed("A guardrail made of this request what it cannot be.") from error


def _answered(spoken: Spoken) -> Mapping[str, Any] | None:
    """What is answered, in JSON; None where it is nothing that is said."""
    if spoken.media_type.startswith("text/") and not spoken.media_type.startswith("text/event-stream"):
        return {"text": spoken.data.decode(errors="replace")}
    if not _is_json(spoken):
        return None
    try:
        return msgspec.json.decode(spoken.data, type=dict[str, Any])
    except (ValueError, RecursionError) as error:
        raise GuardrailFailed("The answer cannot be checked: it is none that can be read.") from error


def _is_json(spoken: Spoken) -> bool:
    return spoken.media_type.partition(";")[0].strip() == "application/json"


async def _pictures(request: Asked) -> list[str]:
    """The uploaded pictures as data URIs."""
    if not isinstance(request, ImageRequest):
        return []
    uploads = (*request.images, *((request.mask,) if request.mask else ()))
    if sum(upload.size for upload in uploads) > _MOST_SHOWN:
        raise CheckFailed("the uploaded pictures are too large to be shown")
    shown = []
    for upload in uploads:
        data = b"".join([chunk async for chunk in upload.chunks()])
        shown.append(f"data:image/{upload.info.format};base64,{base64.b64encode(data).decode()}")
    return shown
