"""Anthropic: Claude models, in the words of its own API and in everybody else's.

Source: Anthropic's price list and models overview, 2026-11; the anthropic Python client 2.12.0. Writing to the cache
is priced for five minutes; of models that cost more where much is asked no price is known.
"""

from collections.abc import Mapping
from decimal import Decimal

from torana.core.price import Price
from torana.dialects.anthropic import STRAIGHT, STRAIGHT_COUNT, TONGUE, fault
from torana.dialects.translated import translated
from torana.families.language import chat, completions, responses
from torana.providers.imaging.vendor import header
from torana.providers.language import ANY, Facts, Language, language_only

_MOST, _MOST_OF_4_5 = 128_000, 64_000


def _facts(words_in: str, words_out: str, *, written: str, cached: str, most: int = _MOST) -> Facts:
    tokens = {
        "text_in": Decimal(words_in),
        "cache_write_in": Decimal(written),
        "cached_in": Decimal(cached),
        "text_out": Decimal(words_out),
        "reasoning_out": Decimal(words_out),
    }
    price = Price(dated="2026-11-22", source="Anthropic's price list", per_million_tokens=tokens)
    return Facts(price=price, most_out=most)


_OPUS = _facts("5", "25", written="6.25", cached="0.50")
MODELS: Mapping[str, Facts] = {
    "claude-fable-5-2": Facts(most_out=_MOST),
    "claude-fable-5-1": _facts("10", "50", written="12.50", cached="0.25"),
    "claude-fable-5": _facts("10", "50", written="12.50", cached="1"),
    "claude-opus-5-5": _facts("4", "20", written="5", cached="0.20"),
    **dict.fromkeys(("claude-opus-5", "claude-opus-4-8", "claude-opus-4-7", "claude-opus-4-6"), _OPUS),
    "claude-opus-4-5": _facts("5", "25", written="6.25", cached="0.50", most=_MOST_OF_4_5),
    "claude-sonnet-5-5": _facts("2", "10", written="2.50", cached="0.10"),
    "claude-sonnet-5": _facts("2", "10", written="2.50", cached="0.20"),
    "claude-sonnet-4-6": _facts("3", "15", written="3.75", cached="0.30", most=_MOST_OF_4_5),
    "claude-haiku-5-5": Facts(most_out=_MOST),
    "claude-haiku-4-5": _facts("1", "5", written="1.25", cached="0.10", most=_MOST_OF_4_5),
    ANY: Facts(most_out=_MOST),
}

LANGUAGE = Language(
    ways={
        "messages": STRAIGHT,
        "messages.count_tokens": STRAIGHT_COUNT,
        "chat.completions": translated(chat.VOICE, TONGUE),
        "completions": translated(completions.VOICE, TONGUE),
        "responses": translated(responses.VOICE, TONGUE),
    },
    models=MODELS,
    fault=fault,
    base_url="https://api.anthropic.com",
)

DECLARATIONS = (
    language_only(
        type="anthropic",
        summary="Anthropic: Claude models.",
        language=LANGUAGE,
        door=header("x-api-key"),
        aliases=frozenset({"claude-*"}),
    ),
)
