"""Cohere: Command, Embed and Rerank, by the second version of its API.

Source: the cohere Python client 7.3.1. Prices of Command and Rerank are recalled from Cohere's list; a search unit is
one query with up to a hundred documents, of which long ones count as several.
"""

from collections.abc import Mapping
from decimal import Decimal

from torana.core.price import Price
from torana.dialects import cohere
from torana.dialects.translated import translated
from torana.families.language import chat, completions, messages, responses
from torana.families.language.embeddings import EMBED
from torana.families.language.rerank import RERANK
from torana.providers.language import Facts, Language, language_only
from torana.providers.language.estimating import estimated
from torana.providers.language.pricing import CONVERSATIONS, facts_of

_DATED, _SOURCE = "2026-11-22", "Cohere's price list, recalled"


def _command(words_in: str, words_out: str, *, most: int) -> Facts:
    tokens = {"text_in": Decimal(words_in), "text_out": Decimal(words_out)}
    return Facts(CONVERSATIONS, Price(dated=_DATED, source=_SOURCE, per_million_tokens=tokens), most)


_RERANK = Facts(frozenset({RERANK}), Price(dated=_DATED, source=_SOURCE, per_request=Decimal("0.002")))

MODELS: Mapping[str, Facts] = {
    "command-a-03-2025": _command("2.50", "10", most=8192),
    "command-r-plus-08-2024": _command("2.50", "10", most=4096),
    "command-r-08-2024": _command("0.15", "0.60", most=4096),
    "command-r7b-12-2024": _command("0.0375", "0.15", most=4096),
    "rerank-v3.5": _RERANK,
    "rerank-english-v3.0": _RERANK,
    "rerank-multilingual-v3.0": _RERANK,
    **facts_of("cohere"),
}

LANGUAGE = Language(
    ways={
        chat.CHAT_OPERATION: translated(chat.VOICE, cohere.COHERE),
        completions.COMPLETIONS_OPERATION: translated(completions.VOICE, cohere.COHERE),
        messages.MESSAGE: translated(messages.VOICE, cohere.COHERE),
        responses.CREATE: translated(responses.VOICE, cohere.COHERE),
        EMBED: cohere.embed,
        RERANK: cohere.rerank,
    },
    models=MODELS,
    reckoned={messages.COUNT: estimated(messages.VOICE)},
    fault=cohere.decode_fault,
    base_url="https://api.cohere.com",
)

DECLARATIONS = (
    language_only(
        type="cohere",
        summary="Cohere: Command, Embed and Rerank.",
        language=LANGUAGE,
        aliases=frozenset({"cohere_chat"}),
    ),
)
