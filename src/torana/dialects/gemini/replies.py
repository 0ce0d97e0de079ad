"""A ``GenerateContentResponse``: a whole answer, or a piece of one. Google leaves out whatever is empty.

Source: google-genai 3.4.0, Google's references.
"""

from typing import Any

from msgspec import Struct

from torana.dialects.gemini.faults import Fault
from torana.families.language.saying import Tokens

_AUDIO = "AUDIO"


class Blob(Struct, rename="camel"):
    """Bytes."""

    data: str = ""
    mime_type: str | None = None


class FunctionCall(Struct):
    """A tool that is to be run."""

    name: str = ""
    args: dict[str, Any] | None = None
    id: str | None = None


class Part(Struct, rename="camel"):
    """A part; of kinds that are not asked for, nothing."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    inline_data: Blob | None = None
    function_call: FunctionCall | None = None


class Content(Struct):
    """Parts."""

    parts: list[Part] | None = None


class Chosen(Struct, rename="camel"):
    """A token, and how likely it was."""

    token: str = ""
    log_probability: float = 0.0


class Ranked(Struct):
    """The likeliest tokens of one place."""

    candidates: list[Chosen] | None = None


class Logprobs(Struct, rename="camel"):
    """How likely the tokens were."""

    chosen_candidates: list[Chosen] | None = None
    top_candidates: list[Ranked] | None = None

    @property
    def told(self) -> tuple[dict[str, Any], ...]:
        """In OpenAI's words."""
        ranked = [rank.candidates or [] for rank in self.top_candidates or []]
        chosen = self.chosen_candidates or []
        ranked += [[]] * (len(chosen) - len(ranked))
        return tuple(
            _likely(token) | {"top_logprobs": [_likely(other) for other in others]}
            for token, others in zip(chosen, ranked, strict=False)
        )


class Candidate(Struct, rename="camel"):
    """One answer, or a piece of it."""

    content: Content | None = None
    finish_reason: str | None = None
    index: int | None = None
    logprobs_result: Logprobs | None = None


class Feedback(Struct, rename="camel"):
    """What became of the prompt."""

    block_reason: str | None = None


class Count(Struct, rename="camel"):
    """Tokens of one kind."""

    modality: str = ""
    token_count: int | None = None


class UsageMetadata(Struct, rename="camel"):
    """Tokens of a call; those of the cache are among those of the prompt."""

    prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    prompt_tokens_details: list[Count] | None = None
    cache_tokens_details: list[Count] | None = None
    candidates_tokens_details: list[Count] | None = None

    @property
    def tokens(self) -> Tokens:
        """Each counted once."""
        cached, said = self.cached_content_token_count or 0, self.candidates_token_count or 0
        heard = (self.prompt_token_count or 0) + (self.tool_use_prompt_token_count or 0)
        sound_in = max(_sound(self.prompt_tokens_details) - _sound(self.cache_tokens_details), 0)
        sound_out = _sound(self.candidates_tokens_details)
        return Tokens(
            text_in=max(heard - cached - sound_in, 0),
            cached_in=cached,
            audio_in=sound_in,
            text_out=max(said - sound_out, 0),
            reasoning_out=self.thoughts_token_count or 0,
            audio_out=sound_out,
        )


class Reply(Struct, rename="camel"):
    """The whole of it; an error, in the middle of a stream, stands alone."""

    candidates: list[Candidate] | None = None
    prompt_feedback: Feedback | None = None
    usage_metadata: UsageMetadata | None = None
    model_version: str | None = None
    response_id: str | None = None
    error: Fault | None = None


def _sound(counts: list[Count] | None) -> int:
    return sum(count.token_count or 0 for count in counts or () if count.modality == _AUDIO)


def _likely(token: Chosen) -> dict[str, Any]:
    return {"token": token.token, "logprob": token.log_probability, "bytes": list(token.token.encode())}
