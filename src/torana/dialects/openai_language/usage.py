"""What upstreams say of tokens, in words in which each token is counted once.

Sources: OpenAI's ``CompletionUsage`` and ``ResponseUsage``; what else is read here is what servers of its kind add.
"""

from collections.abc import Mapping

from torana.families.language.saying import Tokens

_IN = ("prompt_tokens", "input_tokens")
_OUT = ("completion_tokens", "output_tokens")
_OF_IN = ("prompt_tokens_details", "input_tokens_details", "input_token_details")
_OF_OUT = ("completion_tokens_details", "output_tokens_details", "output_token_details")
_CACHED = ("cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens")
_WRITTEN = ("cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens")


def tokens_of_usage(usage: object) -> Tokens | None:
    """The tokens of a ``usage`` object, whichever of the two spellings it has; None where it tells of none."""
    if not isinstance(usage, Mapping):
        return None
    going_in, coming_out, total = _count(usage, *_IN), _count(usage, *_OUT), _count(usage, "total_tokens")
    if going_in is None and coming_out is None and total is None:
        return None
    of_in, of_out = _details(usage, _OF_IN), _details(usage, _OF_OUT)
    cached, written = _known(of_in, usage, _CACHED), _known(of_in, usage, _WRITTEN)
    heard, spoken = _count(of_in, "audio_tokens") or 0, _count(of_out, "audio_tokens") or 0
    thought = _known(of_out, usage, ("reasoning_tokens",))
    said = coming_out or 0
    into = max((total or 0) - said, 0) if going_in is None else going_in
    # Some count thoughts beside what was said, not within it; their total tells.
    within = 0 if thought > said or (thought and total == into + said + thought) else thought
    return Tokens(
        text_in=max(into - cached - written - heard, 0),
        cached_in=cached,
        cache_write_in=written,
        audio_in=heard,
        text_out=max(said - within - spoken, 0),
        reasoning_out=thought,
        audio_out=spoken,
    )


def _details(usage: Mapping[str, object], names: tuple[str, ...]) -> Mapping[str, object]:
    found = (usage.get(name) for name in names)
    return next((details for details in found if isinstance(details, Mapping)), {})


def _known(details: Mapping[str, object], usage: Mapping[str, object], names: tuple[str, ...]) -> int:
    return _count(details, *names) or _count(usage, *names) or 0


def _count(counts: Mapping[str, object], *names: str) -> int | None:
    for name in names:
        value = counts.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
    return None
