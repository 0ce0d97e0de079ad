"""OpenAI: its image models, which edit and generate. Its own variations endpoint is retired.

Source: the openai Python client 3.54.0; OpenAI's API reference; prices as resold for one size, by tokens else. How many
tokens a picture takes is from OpenAI's own calculator and from measurements, both by third parties.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal

from torana.core.content import Size
from torana.core.price import Price
from torana.dialects.openai_images import Speech, drawing
from torana.dialects.openai_language import Manner
from torana.families.images import EDIT, GENERATE, VARY
from torana.media.jobs.preparing import Demands
from torana.providers.imaging.ability import Ability, Effort
from torana.providers.imaging.artist import declared
from torana.providers.imaging.canvas import Stepped
from torana.providers.imaging.vendor import Vendor
from torana.providers.language import Facts, speaking
from torana.providers.language.openai import CHAT, COMPLETE, EMBED, KEEP, LISTEN, MODERATE, SPEAK, offering
from torana.providers.language.pricing import facts_of

SPEECH = Speech(wants_base64=None)
"""GPT image models always answer in base64, and refuse to be asked for it."""
WISHES = frozenset({"quality", "background", "output_compression", "moderation"})

_DEAREST = 96
"""Patches along the longer side, at the best quality."""
_LARGEST = Size(2880, 2880)
"""Of all sizes the one that takes the most tokens."""
_MOST_OF_A_SOURCE = 1536
_OF_A_PARTIAL = 100
_BESIDE_WORDS = 100
"""What comes with the prompt is a handful; this is plenty."""


def most_tokens(patches: Mapping[str, int]) -> Callable[[Effort], Mapping[str, int]]:
    """What one picture takes, given how many patches its longer side has at each quality; else it is the dearest."""

    def most(effort: Effort) -> Mapping[str, int]:
        side = patches.get(effort.wishes.get("quality", ""), _DEAREST)
        return {
            "text_in": effort.words + _BESIDE_WORDS,
            "image_in": effort.sources * _MOST_OF_A_SOURCE,
            "image_out": _of_a_picture(side, effort.size or _LARGEST) + effort.partials * _OF_A_PARTIAL,
        }

    return most


def _of_a_picture(side: int, size: Size) -> int:
    """Patches along both sides, each of which takes more tokens the larger the picture is."""
    long, short = max(size.width, size.height), min(size.width, size.height)
    other = (2 * side * short + long) // (2 * long)
    return math.ceil(side * other * (2_000_000 + size.pixels) / 4_000_000)


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
    tokens=most_tokens({"low": 16, "medium": 48, "high": 96}),
)

# These fit what a picture of 1024x1024 costs at each quality.
_GPT_IMAGE_2_5 = replace(
    GPT_IMAGE, tokens=most_tokens({"low": 16, "medium": 24, "high": 48, "xhigh": 64, "max": _DEAREST})
)
# Operators may know what it costs; how many tokens it takes is then no more than of its dearest kin.
_UNPRICED = replace(GPT_IMAGE, price=None, tokens=most_tokens({}))
MODELS: Mapping[str, Ability] = {
    "gpt-image-2": GPT_IMAGE,
    **dict.fromkeys(("gpt-image-2.5-flare", "gpt-image-2.5-sunburst"), _GPT_IMAGE_2_5),
    **dict.fromkeys(("gpt-image-2.6-flare", "gpt-image-2.6-sunburst", "*"), _UNPRICED),
}

_UNCHARGED = Price(dated="2026-11-22", source="OpenAI's documentation", per_request=Decimal(0))

LANGUAGE = offering(
    CHAT,
    COMPLETE,
    KEEP,
    EMBED,
    MODERATE,
    SPEAK,
    *LISTEN,
    models={"omni-moderation-latest": Facts(frozenset({MODERATE}), _UNCHARGED), **facts_of("openai")},
    manner=Manner(knows=frozenset({"verbosity"})),
)

DECLARATIONS = (
    speaking(
        declared(
            Vendor(
                type="openai",
                aliases=frozenset(
                    {"text-completion-openai", "gpt-*", "chatgpt-*", "dall-e-*", "o?", "o?-*", "text-embedding-*"}
                ),
                imitated_by="openai-compatible",
                summary="OpenAI: its models of language, pictures and sound.",
                base_url="https://api.openai.com/v1",
                draw=drawing(SPEECH),
                abilities=MODELS,
                note="gpt-image-1.5, gpt-image-1-mini and chatgpt-image-latest end on 2026-12-01.",
            )
        ),
        LANGUAGE,
    ),
)
