"""What upstreams say of tokens, in words in which each token is counted once.

Sources: OpenAI's ``CompletionUsage`` and ``ResponseUsage``; what else is read here is what servers of its kind add.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from torana.families.language.saying import Tokens

_Count = Annotated[int, Meta(ge=0)]


class Details(Struct, frozen=True, gc=False):
    """Which tokens of those that went in, or came out."""

    cached_tokens: _Count | None = None
    prompt_cache_hit_tokens: _Count | None = None
    cache_read_input_tokens: _Count | None = None
    cache_write_tokens: _Count | None = None
    cache_creation_tokens: _Count | None = None
    cache_creation_input_tokens: _Count | None = None
    audio_tokens: _Count | None = None
    reasoning_tokens: _Count | None = None

    @property
    def cached(self) -> int:
        """Read from the upstream's cache."""
        count = self.cached_tokens
        if count is None:
            count = self.prompt_cache_hit_tokens
        return (self.cache_read_input_tokens if count is None else count) or 0

    @property
    def written(self) -> int:
        """Written to it."""
        count = self.cache_write_tokens
        if count is None:
            count = self.cache_creation_tokens
        return (self.cache_creation_input_tokens if count is None else count) or 0


class Told(Details, frozen=True, gc=False):
    """A ``usage`` object as it should be, in either of the two spellings."""

    prompt_tokens: _Count | None = None
    input_tokens: _Count | None = None
    completion_tokens: _Count | None = None
    output_tokens: _Count | None = None
    total_tokens: _Count | None = None
    prompt_tokens_details: Details | None = None
    input_tokens_details: Details | None = None
    input_token_details: Details | None = None
    completion_tokens_details: Details | None = None
    output_tokens_details: Details | None = None
    output_token_details: Details | None = None

    @property
    def tokens(self) -> Tokens | None:
        """The tokens; None where it tells of none."""
        going_in, coming_out, total = self.prompt_tokens, self.completion_tokens, self.total_tokens
        if going_in is None:
            going_in = self.input_tokens
        if coming_out is None:
            coming_out = self.output_tokens
        if going_in is None and coming_out is None and total is None:
            return None
        if going_in is not None and coming_out is not None:
            # As many tell it who count nothing apart.
            alone = Told(prompt_tokens=going_in, completion_tokens=coming_out, total_tokens=total)
            if self == alone:
                return Tokens(text_in=going_in, text_out=coming_out)
        of_in = self.prompt_tokens_details or self.input_tokens_details or self.input_token_details or _NONE
        of_out = self.completion_tokens_details or self.output_tokens_details or self.output_token_details or _NONE
        cached, written = of_in.cached or self.cached, of_in.written or self.written
        heard, spoken = of_in.audio_tokens or 0, of_out.audio_tokens or 0
        thought = of_out.reasoning_tokens or self.reasoning_tokens or 0
        said = coming_out or 0
        into = max((total or 0) - said, 0) if going_in is None else going_in
        # Some count thoughts beside what was said, not within it; their total tells.
        within = 0 if thought > said or (thought and total == into + said + thought) else thought
        return Tokens(
            max(into - cached - written - heard, 0),
            cached,
            written,
            heard,
            max(said - within - spoken, 0),
            thought,
            spoken,
        )


_NONE = Details()
_COUNTS = frozenset(name for name in Told.__struct_fields__ if not name.endswith("_details"))


def tokens_of_usage(usage: object) -> Tokens | None:
    """The tokens of a ``usage`` object, whatever else is in it; None where it tells of none."""
    if not isinstance(usage, dict):
        return None
    try:
        told = msgspec.convert(usage, Told)
    except msgspec.ValidationError:
        told = msgspec.convert(_sound(usage), Told)
    return told.tokens


def _sound(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Its members that are as they should be."""
    kept: dict[str, Any] = {}
    for name, value in usage.items():
        if name in _COUNTS:
            if type(value) is int and value >= 0:
                kept[name] = value
        elif isinstance(value, Mapping):
            kept[name] = _sound(value)
    return kept
