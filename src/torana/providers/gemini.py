"""Gemini: Google's models that draw and change pictures, with a key of the Gemini API.

Source: google-genai 3.4.0 and Google's reference; prices by third parties.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from urllib.parse import quote

from torana.core.price import Price
from torana.dialects.gemini_images import decode_google_fault, drawing
from torana.dialects.steps import Ask
from torana.families.images import EDIT, GENERATE, VARY
from torana.media.jobs.preparing import Demands
from torana.providers.imaging.ability import Ability
from torana.providers.imaging.artist import declared
from torana.providers.imaging.canvas import Ratios
from torana.providers.imaging.vendor import Vendor, header

_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
_RESOLUTIONS = (("1K", 1024**2), ("2K", 2048**2), ("4K", 4096**2))
_USUAL = "1K"


def _kind(_wishes: Mapping[str, str], resolution: str | None) -> str:
    return resolution or _USUAL


def _priced(by_kind: Mapping[str, str]) -> Price:
    kinds = {name: Decimal(price) for name, price in by_kind.items()}
    return Price(dated="2026-11-22", source="Google's price list, by third parties", by_kind=kinds)


PLAIN = Ability(
    frozenset({VARY, EDIT, GENERATE}),
    canvas=Ratios(_RATIOS),
    demands=Demands(max_bytes=7 * 1000**2),
    sources=3,
    # The whole call may have 20 MB, in base64.
    most_bytes=14 * 1000**2,
    most_seed=2**31 - 1,
    kind=_kind,
    # Now and then two pictures come, and both are charged for; one that comes in words alone is asked for again.
    excess=2,
)
"""A model that makes pictures of one resolution."""
_SHARP = replace(PLAIN, canvas=Ratios(_RATIOS, _RESOLUTIONS), sources=14)

MODELS: Mapping[str, Ability] = {
    "gemini-2.5-flash-image": replace(PLAIN, price=_priced({"1K": "0.039"})),
    # The prices of 2K and 4K, here and of 3-pro that of 4K, are recalled.
    "gemini-3.1-flash-image": replace(_SHARP, price=_priced({"1K": "0.067", "2K": "0.101", "4K": "0.151"})),
    "gemini-3.1-flash-lite-image": replace(PLAIN, price=_priced({"1K": "0.034"})),
    "gemini-3-pro-image": replace(_SHARP, price=_priced({"1K": "0.134", "2K": "0.134", "4K": "0.24"})),
    "gemini-nano-banana-2.1": replace(PLAIN, price=_priced({"1K": "0.034"})),
    "*": PLAIN,
}


def _path(ask: Ask) -> str:
    return f"/models/{quote(ask.model, safe='')}:generateContent"


DECLARATIONS = (
    declared(
        Vendor(
            type="gemini",
            summary="Gemini API: Google's Gemini image models.",
            base_url="https://generativelanguage.googleapis.com/v1beta",
            door=header("x-goog-api-key"),
            draw=drawing(_path),
            fault=decode_google_fault,
            abilities=MODELS,
            note="gemini-2.5-flash-image ends on 2027-03-15.",
        )
    ),
)
