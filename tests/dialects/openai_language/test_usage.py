import pytest

from torana.dialects.openai_language import tokens_of_usage
from torana.families.language.saying import Tokens


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}, Tokens(text_in=9, text_out=3)),
        ({"prompt_tokens": 9, "total_tokens": 9}, Tokens(text_in=9)),
        ({"total_tokens": 9}, Tokens(text_in=9)),
        (
            {
                "prompt_tokens": 100,
                "completion_tokens": 50,
                "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 10, "cache_write_tokens": 5},
                "completion_tokens_details": {"reasoning_tokens": 30, "audio_tokens": 4},
            },
            Tokens(text_in=25, cached_in=60, cache_write_in=5, audio_in=10, text_out=16, reasoning_out=30, audio_out=4),
        ),
        (
            {
                "input_tokens": 10,
                "output_tokens": 5,
                "input_tokens_details": {"cached_tokens": 4},
                "output_tokens_details": {"reasoning_tokens": 2},
            },
            Tokens(text_in=6, cached_in=4, text_out=3, reasoning_out=2),
        ),
        ({"input_tokens": 14, "output_tokens": 5, "input_token_details": {"audio_tokens": 14}},
         Tokens(audio_in=14, text_out=5)),
        ({"prompt_tokens": 10, "completion_tokens": 1, "prompt_cache_hit_tokens": 8}, Tokens(2, 8, text_out=1)),
        # Thoughts beside what was said: the total tells, or that they are more.
        ({"prompt_tokens": 10, "completion_tokens": 9, "total_tokens": 24,
          "completion_tokens_details": {"reasoning_tokens": 5}}, Tokens(text_in=10, text_out=9, reasoning_out=5)),
        ({"prompt_tokens": 10, "completion_tokens": 1, "completion_tokens_details": {"reasoning_tokens": 5}},
         Tokens(text_in=10, text_out=1, reasoning_out=5)),
        ({"prompt_tokens": None, "completion_tokens": 3, "prompt_tokens_details": None}, Tokens(text_out=3)),
        ({"prompt_tokens": -1, "completion_tokens": True, "total_tokens": "9"}, None),
        # One member that makes no sense takes none of the others along.
        ({"prompt_tokens": 9, "completion_tokens": 3, "reasoning_tokens": 1.5,
          "prompt_tokens_details": {"cached_tokens": "4", "audio_tokens": 2}},
         Tokens(text_in=7, audio_in=2, text_out=3)),
        ({"prompt_tokens": 9, "completion_tokens": 3, "reasoning_tokens": 2},
         Tokens(text_in=9, text_out=1, reasoning_out=2)),
        ({"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 9}}, Tokens(cached_in=9)),
        ({}, None), (None, None), ([], None), ("many", None),
    ],
)  # fmt: skip
def test_every_token_is_counted_once(usage, tokens):
    assert tokens_of_usage(usage) == tokens
