"""Mistral: its own names for a few of OpenAI's fields.

Source: Mistral's API reference, 2026-11.
"""

from torana.dialects.openai_language import Manner
from torana.providers.language import language_only
from torana.providers.language.openai import CHAT, EMBED, SPEAK, TRANSCRIBE, offering
from torana.providers.language.pricing import facts_of

MANNER = Manner(
    renamed={"dimensions": "output_dimension", "max_completion_tokens": "max_tokens", "seed": "random_seed"},
    refused=frozenset({"logit_bias", "logprobs", "top_logprobs"}),
    ignored=frozenset({
        "metadata", "prompt_cache_key", "safety_identifier", "service_tier", "store", "user", "verbosity",
    }),
    # It counts in streams without being asked, and refuses fields that it does not know.
    counts_streams=False,
)  # fmt: skip

DECLARATIONS = (
    language_only(
        type="mistral",
        summary="Mistral: its models of language, code, vectors and sound.",
        language=offering(
            CHAT,
            EMBED,
            SPEAK,
            TRANSCRIBE,
            manner=MANNER,
            base_url="https://api.mistral.ai/v1",
            models=facts_of("mistral"),
        ),
        imitated_by="openai-compatible",
    ),
)
