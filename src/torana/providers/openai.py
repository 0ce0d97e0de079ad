"""OpenAI: its image models, which edit and generate. Its own variations endpoint is retired.

Source: the openai Python client 3.54.0; OpenAI's API reference; prices as resold for one size, by tokens else.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from torana.core.price import Price
from torana.dialects.openai_images import Speech, drawing
from torana.families.images import EDIT, GENERATE, VARY
from torana.media.jobs.preparing import Demands
from torana.providers.imaging.ability import Ability
from torana.providers.imaging.artist import declared
from torana.providers.imaging.canvas import Stepped
from torana.providers.imaging.vendor import Vendor

SPEECH = Speech(wants_base64=None)
"""GPT image models always answer in base64, and refuse to be asked for it."""
WISHES = frozenset({"quality", "background", "output_compression", "moderation"})

GPT_IMAGE = Ability(
    frozenset({VARY, EDIT, GENERATE}),
    most=10,
    canvas=Stepped(step=16, least=512, most=3840, least_pixels=1024 * 1024, most_pixels=3840 * 2160, steepest=3.0),
    demands=Demands(max_bytes=50 * 1000**2),
    inline=False,
    sources=16,
    mask=True,
    wishes=WISHES,
    formats=frozenset({"png", "jpeg", "webp"}),
    partial=True,
    price=Price(
        dated="2026-11-22",
        source="OpenAI's price list, by third parties",
        per_million_tokens={"text_in": Decimal(5), "image_in": Decimal(8), "image_out": Decimal(30)},
    ),
)

_UNPRICED = replace(GPT_IMAGE, price=None)
MODELS: Mapping[str, Ability] = {
    **dict.fromkeys(("gpt-image-2", "gpt-image-2.5-flare", "gpt-image-2.5-sunburst"), GPT_IMAGE),
    **dict.fromkeys(("gpt-image-2.6-flare", "gpt-image-2.6-sunburst", "*"), _UNPRICED),
}

DECLARATIONS = (
    declared(
        Vendor(
            type="openai",
            summary="OpenAI: GPT image models.",
            base_url="https://api.openai.com/v1",
            draw=drawing(SPEECH),
            abilities=MODELS,
            note="gpt-image-1.5, gpt-image-1-mini and chatgpt-image-latest end on 2026-12-01.",
        )
    ),
)
