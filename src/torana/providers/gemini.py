"""Gemini: Google's models, those that draw and those that talk, with a key of the Gemini API.

Source: google-genai 3.4.0 and Google's reference; prices by third parties. Of models that cost more where much is asked
no price is known, unless the shared table has one.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from urllib.parse import quote

from torana.core.price import Price
from torana.dialects.gemini.counting import counting
from torana.dialects.gemini.embeddings import in_batches
from torana.dialects.gemini.faults import decode_fault
from torana.dialects.gemini.place import Place
from torana.dialects.gemini.tongue import tongue
from torana.dialects.gemini_images import decode_google_fault, drawing
from torana.dialects.steps import Ask
from torana.dialects.translated import Tongue, translated
from torana.dialects.ways import At, Way
from torana.families.images import EDIT, GENERATE, VARY
from torana.families.language import chat, completions, messages, responses
from torana.media.jobs.preparing import Demands
from torana.providers.imaging.ability import Ability
from torana.providers.imaging.artist import declared
from torana.providers.imaging.canvas import Ratios
from torana.providers.imaging.vendor import Vendor, header
from torana.providers.language import Facts, Language, speaking
from torana.providers.language.pricing import CONVERSATIONS, EMBEDDINGS, facts_of

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


_BASE = "https://generativelanguage.googleapis.com/v1beta"
_LISTED = "Google's price list of 2026-10, by third parties"
_MOST_OUT = 65_536


def _charged(words_in: str, words_out: str | None = None, *, cached: str | None = None) -> Facts:
    prices = {"text_in": words_in, "cached_in": cached, "text_out": words_out}
    tokens = {name: Decimal(price) for name, price in prices.items() if price is not None}
    price = Price(dated="2026-11-22", source=_LISTED, per_million_tokens=tokens)
    return Facts(EMBEDDINGS if words_out is None else CONVERSATIONS, price, _MOST_OUT)


NEWER: Mapping[str, Facts] = {
    # Twice as much from 2027-01-01 on.
    "gemini-3.8-flash": _charged("0.75", "3.75"),
    "gemini-3.5-flash": _charged("1.50", "9", cached="0.15"),
    "gemini-3.5-flash-lite": _charged("0.30", "2.50", cached="0.03"),
    "gemini-3.1-pro-preview": Facts(CONVERSATIONS, most_out=_MOST_OUT),
    "gemini-embedding-2": _charged("0.20"),
}
"""Models that the shared table does not have."""


def conversing(dialect: Tongue) -> dict[str, Way]:
    """Every way to a conversation in a dialect that no client speaks."""
    return {
        "chat.completions": translated(chat.VOICE, dialect),
        "completions": translated(completions.VOICE, dialect),
        "messages": translated(messages.VOICE, dialect),
        "responses": translated(responses.VOICE, dialect),
    }


def _method(at: At, method: str) -> str:
    return f"/models/{quote(at.model, safe='')}:{method}"


_PLACE = Place(_method, files=f"{_BASE}/")

LANGUAGE = Language(
    ways={
        **conversing(tongue(_PLACE)),
        "messages.count_tokens": counting(messages.VOICE, _PLACE),
        "embeddings": in_batches(_method),
    },
    models={**facts_of("gemini"), **NEWER},
    fault=decode_fault,
)

_KEYED = header("x-goog-api-key")

DECLARATIONS = (
    speaking(
        declared(
            Vendor(
                type="gemini",
                summary="Gemini API: Google's Gemini models, for pictures and for words.",
                base_url=_BASE,
                door=_KEYED,
                draw=drawing(_path),
                fault=decode_google_fault,
                abilities=MODELS,
                note="gemini-2.5-flash-image ends on 2027-03-15.",
            )
        ),
        LANGUAGE,
        door=_KEYED,
    ),
)
