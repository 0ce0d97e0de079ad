"""The settings of answers that are kept and given again."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from torana.config.rules import RuleName, When
from torana.config.units import Bytes, Seconds

_SHORTEST, _LONGEST = Seconds(0.001), Seconds(30 * 86400)


class CacheRule(Struct, frozen=True, forbid_unknown_fields=True):
    """Whose answers are kept for who asks the same again. Of several rules that fit a call the first counts."""

    name: RuleName
    ttl: Annotated[Seconds, Meta(description="How long an answer is given again.")] = Seconds(3600)
    per: Annotated[
        Literal["user", "everyone"],
        Meta(description="Who finds an answer: only who asked for it, or everyone whom this rule is for."),
    ] = "user"
    callers: Annotated[
        bool,
        Meta(
            description="Only for calls that ask for it by the header `x-torana-cache-config`, which may shorten `ttl`."
        ),
    ] = False
    when: When = field(default_factory=When)

    def __post_init__(self) -> None:
        if not _SHORTEST <= self.ttl <= _LONGEST:
            raise ValueError(f"`ttl` is {_SHORTEST} to {_LONGEST}")


class Cache(Struct, frozen=True, forbid_unknown_fields=True):
    """Answers in words that are kept, and given to calls that ask the very same. Without rules none are."""

    rules: Annotated[tuple[CacheRule, ...], Meta(description="Which answers are kept, and for whom.")] = ()
    store: Annotated[
        Literal["memory", "valkey"],
        Meta(description="Where: in each process for itself, or in the server of `counters.valkey`, for all."),
    ] = "memory"
    max_total: Annotated[
        Bytes, Meta(description="Bytes of all answers in one process; beyond it the longest unused go. Not for Valkey.")
    ] = Bytes(256 * 1024**2)
    max_entry: Annotated[Bytes, Meta(description="Bytes of one answer; longer ones are not kept.")] = Bytes(1024**2)
    timeout: Annotated[
        Seconds, Meta(description="How long Valkey may take for one step; then the answer counts as not kept.")
    ] = Seconds(0.05)
