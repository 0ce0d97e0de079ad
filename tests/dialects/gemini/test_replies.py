from typing import Any

import msgspec
import pytest

from torana.dialects.gemini.replies import Logprobs, UsageMetadata
from torana.families.language.saying import Tokens


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"promptTokenCount": 4, "candidatesTokenCount": 9, "totalTokenCount": 13}, Tokens(4, text_out=9)),
        ({}, Tokens()),
        (
            {
                "promptTokenCount": 1000,
                "cachedContentTokenCount": 800,
                "toolUsePromptTokenCount": 50,
                "candidatesTokenCount": 30,
                "thoughtsTokenCount": 70,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 900},
                    {"modality": "AUDIO", "tokenCount": 100},
                ],
                "cacheTokensDetails": [
                    {"modality": "AUDIO", "tokenCount": 40},
                    {"modality": "TEXT", "tokenCount": 760},
                ],
                "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 10}, {"modality": "TEXT"}],
            },
            Tokens(text_in=190, cached_in=800, audio_in=60, text_out=20, reasoning_out=70, audio_out=10),
        ),
    ],
)
def test_tokens_are_counted_once(usage: dict[str, Any], tokens: Tokens) -> None:
    read = msgspec.convert(usage, UsageMetadata)
    assert read.tokens == tokens
    heard = usage.get("promptTokenCount", 0) + usage.get("toolUsePromptTokenCount", 0)
    assert read.tokens.input == heard


def test_likelihoods_are_told_in_openais_words() -> None:
    read = msgspec.convert(
        {
            "chosenCandidates": [{"token": "Hé", "logProbability": -0.5}, {"token": "!"}],
            "topCandidates": [
                {"candidates": [{"token": "Hé", "logProbability": -0.5}, {"token": "A", "logProbability": -2}]}
            ],
        },
        Logprobs,
    )
    assert read.told == (
        {
            "token": "Hé",
            "logprob": -0.5,
            "bytes": [72, 195, 169],
            "top_logprobs": [
                {"token": "Hé", "logprob": -0.5, "bytes": [72, 195, 169]},
                {"token": "A", "logprob": -2, "bytes": [65]},
            ],
        },
        {"token": "!", "logprob": 0.0, "bytes": [33], "top_logprobs": []},
    )
