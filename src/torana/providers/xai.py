"""xAI: Grok Imagine, in OpenAI's dialect with edits as JSON, shapes in place of sizes, and a moderation of its own.

Source: xai-sdk 1.21.0 for values, Vercel's AI SDK for replies; what its errors say is recalled.
"""

from dataclasses import replace
from decimal import Decimal

import msgspec
from msgspec import Struct

from torana.core.errors import ToranaError, UpstreamError
from torana.core.price import Price
from torana.dialects.inline import from_base64, from_url
from torana.dialects.openai_images import Speech, decode_fault, drawing
from torana.dialects.openai_language import Manner
from torana.dialects.refusals import moderated, unpaid
from torana.dialects.steps import Ask, Drawn, Link, Received, Steps, empty
from torana.families.images import EDIT, GENERATE, VARY
from torana.media.jobs.preparing import Demands
from torana.providers.imaging.ability import Ability
from torana.providers.imaging.artist import declared
from torana.providers.imaging.canvas import Ratios
from torana.providers.imaging.vendor import Vendor
from torana.providers.language import speaking
from torana.providers.language.openai import CHAT, COMPLETE, EMBED, KEEP, offering
from torana.providers.language.pricing import facts_of

_SPEAK = drawing(Speech(edits_in_json=True))
_TICKS_A_DOLLAR = 10**10
_MODERATED = ("content moderation", "usage guidelines")
"""Parts of what it says when it refuses."""
_UNPAID = ("credits", "spending limit")


class _Item(Struct):
    b64_json: str | None = None
    url: str | None = None
    revised_prompt: str | None = None
    respect_moderation: bool | None = None


class _Usage(Struct):
    cost_in_usd_ticks: int | None = None


class _Reply(Struct):
    data: list[_Item] = []
    usage: _Usage | None = None


class _Fault(Struct):
    error: object = None
    """A sentence, or OpenAI's object."""


def draw(ask: Ask) -> Steps:
    """One call; pictures that its moderation holds back are charged for all the same."""
    reply = (yield next(_SPEAK(ask))).read(_Reply)
    shown = [item for item in reply.data if item.respect_moderation is not False]
    pictures = tuple(_picture(item) for item in shown if item.b64_json or item.url)
    if not pictures:
        raise empty() if shown or not reply.data else moderated()
    ticks = reply.usage.cost_in_usd_ticks if reply.usage else None
    return Drawn(
        pictures,
        revised_prompt=next((item.revised_prompt for item in shown if item.revised_prompt), None),
        charged=None if ticks is None else Decimal(ticks) / _TICKS_A_DOLLAR,
        billed=len(reply.data),
    )


def _picture(item: _Item) -> bytes | Link:
    return from_base64(item.b64_json) if item.b64_json else from_url(str(item.url))


def fault(received: Received) -> ToranaError:
    """What an error means: often but a sentence, and the statuses of wrong keys stand for more than those."""
    try:
        error = received.read(_Fault).error
    except UpstreamError:
        error = None
    told = (error if isinstance(error, str) else msgspec.json.encode(error).decode()).lower()
    if any(words in told for words in _MODERATED):
        return moderated()
    if any(words in told for words in _UNPAID):
        return unpaid()
    return decode_fault(received)


def _at_most(image: str) -> Price:
    return Price(dated="2026-11-22", source="third parties, with three sources", per_image=Decimal(image))


_IMAGINE = Ability(
    frozenset({VARY, EDIT, GENERATE}),
    # Ten are said to be possible; three are sure to be, and several calls cost no more.
    most=3,
    canvas=Ratios(
        (
            "1:1", "3:4", "4:3", "9:16", "16:9", "2:3", "3:2", "1:2", "2:1", "9:20", "20:9", "9:19.5", "19.5:9",
        ),
        (("1k", 1024**2), ("2k", 2048**2)),
    ),
    demands=Demands(max_bytes=10 * 1000**2),
    sources=3,
    price=Price(dated="2026-11-22", source="LiteLLM's price table", per_image=Decimal("0.02")),
    ceiling=_at_most("0.026"),
)  # fmt: skip

LANGUAGE = offering(CHAT, COMPLETE, KEEP, EMBED, manner=Manner(thoughts="reasoning_content"), models=facts_of("xai"))

DECLARATIONS = (
    speaking(
        declared(
            Vendor(
                type="xai",
                summary="xAI: Grok, and Grok Imagine.",
                base_url="https://api.x.ai/v1",
                draw=draw,
                fault=fault,
                abilities={
                    "grok-imagine-image": _IMAGINE,
                    # What it costs depends on more than is known: what the reply says counts.
                    "grok-imagine-image-2.0": replace(_IMAGINE, price=None, ceiling=_at_most("0.11")),
                },
            )
        ),
        LANGUAGE,
    ),
)
