"""OpenRouter: many makers' models behind one endpoint for chats, whose answers hold pictures.

Source: openrouter.ai's documentation; LiteLLM 1.109.1.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from http import HTTPStatus

import msgspec
from msgspec import Struct

from torana.core.errors import ToranaError, UpstreamError
from torana.dialects.inline import from_url
from torana.dialects.openai_images import decode_fault
from torana.dialects.openai_language import Manner
from torana.dialects.refusals import moderated
from torana.dialects.steps import Ask, Drawn, Received, Send, Steps, empty, json_message
from torana.families.images import EDIT, GENERATE, VARY
from torana.media.jobs.preparing import Demands
from torana.providers.gemini import MODELS as GEMINI
from torana.providers.imaging.ability import Ability
from torana.providers.imaging.artist import declared
from torana.providers.imaging.canvas import Ratios
from torana.providers.imaging.vendor import Vendor
from torana.providers.language import speaking
from torana.providers.language.openai import CHAT, COMPLETE, EMBED, RESPOND, offering

_DRAW_ONLY = ("black-forest-labs/", "bytedance-seed/", "recraft/", "sourceful/")
"""Makers of models that answer in pictures alone, and refuse to be asked for words too."""
_FILTERED = "content_filter"
_MODERATED = frozenset({"IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "PROHIBITED_CONTENT", "SAFETY"})


class _Url(Struct):
    url: str


class _Image(Struct):
    image_url: _Url


class _Message(Struct):
    images: list[_Image] | None = None


class _Metadata(Struct):
    reasons: list[str] | None = None
    """Why its moderation flagged what it was asked; None where that was not it."""


class _Error(Struct):
    code: int | str | None = None
    metadata: _Metadata | None = None


class _Choice(Struct):
    message: _Message | None = None
    finish_reason: str | None = None
    native_finish_reason: str | None = None
    error: _Error | None = None


class _Usage(Struct):
    cost: float | None = None


class _Reply(Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: _Error | None = None


class _FaultBody(Struct):
    error: _Error


def draw(ask: Ask) -> Steps:
    """One call; what goes wrong once a model has begun comes with the status of success."""
    received = yield Send(json_message("POST", "/chat/completions", _body(ask)), submits=True)
    reply = received.read(_Reply)
    errors = (reply.error, *(choice.error for choice in reply.choices))
    if error := next((error for error in errors if error is not None), None):
        raise _meant(error, msgspec.structs.replace(received, status=_status(error)))
    messages = [choice.message for choice in reply.choices if choice.message]
    images = [image for message in messages for image in message.images or ()]
    if not images:
        raise _refusal(reply.choices) or empty()
    cost = reply.usage.cost if reply.usage else None
    return Drawn(
        tuple(from_url(image.image_url.url) for image in images),
        charged=None if cost is None else Decimal(str(cost)),
        billed=len(images),
    )


def _body(ask: Ask) -> dict[str, object]:
    shape = {"aspect_ratio": ask.ratio, "image_size": ask.resolution}
    told = {name: value for name, value in shape.items() if value is not None}
    pictures = [{"type": "image_url", "image_url": {"url": source.data_uri()}} for source in ask.sources]
    content = [*pictures, {"type": "text", "text": ask.prompt}]
    return ask.given(
        model=ask.model,
        messages=[{"role": "user", "content": content}],
        modalities=["image"] if ask.model.startswith(_DRAW_ONLY) else ["image", "text"],
        image_config=told or None,
        seed=ask.seed,
        user=ask.user,
    )


def fault(received: Received) -> ToranaError:
    """What an error means; a refusal by moderation has the status that wrong credentials have."""
    try:
        error = received.read(_FaultBody).error
    except UpstreamError:
        error = _Error()
    return _meant(error, received)


def _meant(error: _Error, received: Received) -> ToranaError:
    if error.metadata is not None and error.metadata.reasons is not None:
        return moderated()
    return decode_fault(received)


def _status(error: _Error) -> int:
    """The status that an error would have had by itself."""
    code = error.code
    return code if isinstance(code, int) and code >= HTTPStatus.BAD_REQUEST else HTTPStatus.BAD_GATEWAY


def _refusal(choices: list[_Choice]) -> ToranaError | None:
    if any(each.finish_reason == _FILTERED or each.native_finish_reason in _MODERATED for each in choices):
        return moderated()
    return None


_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
_USUAL = Ability(
    frozenset({VARY, EDIT, GENERATE}),
    canvas=Ratios(_RATIOS),
    demands=Demands(max_bytes=7 * 1000**2),
    sources=3,
    most_seed=2**31 - 1,
)
"""What it costs is in each reply."""
_RESOLUTIONS = (("1K", 1024**2), ("2K", 2048**2), ("4K", 4096**2))
_SHARP = replace(_USUAL, canvas=Ratios(_RATIOS, _RESOLUTIONS), sources=14)


def _gemini(ability: Ability, name: str, *, beside: str) -> Ability:
    """A model of Google's: at most what its maker takes for a picture, and ``beside`` that for words and sources."""
    made = GEMINI[name]
    ceiling = made.price and msgspec.structs.replace(made.price, per_image=Decimal(beside))
    return replace(ability, ceiling=ceiling, kind=made.kind, excess=made.excess)


_ABILITIES: Mapping[str, Ability] = {
    # What comes beside is from recalled prices of tokens, for the longest prompt and the most sources.
    "google/gemini-2.5-flash-image": _gemini(_USUAL, "gemini-2.5-flash-image", beside="0.02"),
    "google/gemini-3.1-flash-image": _gemini(_SHARP, "gemini-3.1-flash-image", beside="0.04"),
    "google/gemini-3-pro-image": _gemini(_SHARP, "gemini-3-pro-image", beside="0.12"),
    "*": _USUAL,
}

LANGUAGE = offering(
    CHAT, COMPLETE, RESPOND, EMBED, manner=Manner(cost="cost", knows=frozenset({"top_k"}), thoughts="reasoning")
)

DECLARATIONS = (
    speaking(
        declared(
            Vendor(
                type="openrouter",
                summary="OpenRouter: models of many vendors, for words and for pictures.",
                base_url="https://openrouter.ai/api/v1",
                draw=draw,
                fault=fault,
                abilities=_ABILITIES,
            )
        ),
        LANGUAGE,
    ),
)
