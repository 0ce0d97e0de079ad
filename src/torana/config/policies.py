"""The settings of policies: how much whom is let have, and where that is counted."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from torana.config.rules import RuleName, Share, When
from torana.config.secrets import Secret
from torana.config.units import Seconds

_MOST = 10**15
_SHORTEST, _LONGEST = Seconds(0.001), Seconds(3650 * 86400)


class Limit(Struct, frozen=True, forbid_unknown_fields=True):
    """How much of something is let through in a while. Of several that fit a call, each counts."""

    name: RuleName
    of: Annotated[
        Literal["requests", "images", "tokens", "bytes", "concurrent"],
        Meta(description="What is counted. Images and tokens are reserved as asked for, and settled as they came."),
    ]
    limit: Annotated[int, Meta(ge=1, description="How much; as much may come at once.")]
    every: Annotated[Seconds, Meta(description="In which time; `concurrent` has none.")] = Seconds(60)
    per: Annotated[
        tuple[Share, ...],
        Meta(description="For each of what apart: `user`, `team`, `key`, `model`, `metadata.KEY`. Default: together."),
    ] = ()
    when: When = field(default_factory=When)
    unavailable: Annotated[
        Literal["open", "closed", "share"],
        Meta(description="While the counters fail: let pass, refuse (503), or count in this process its share."),
    ] = "share"

    def __post_init__(self) -> None:
        # What the counters cannot count must not come so far: a rule that cannot be made would stop every call.
        if self.limit > _MOST or not _SHORTEST <= self.every <= _LONGEST:
            raise ValueError(f"a limit is {_MOST:,} at most, every {_SHORTEST} to {_LONGEST}")


class Counters(Struct, frozen=True, forbid_unknown_fields=True):
    """Where limits are counted. By default in each process for itself: right for one process alone."""

    valkey: (
        Annotated[Secret, Meta(description="URL of a Valkey or Redis that all processes and replicas share.")] | None
    ) = None
    timeout: Annotated[Seconds, Meta(description="How long one step may take; then the counters count as failed.")] = (
        Seconds(0.05)
    )
    replicas: Annotated[
        int, Meta(ge=1, description="Processes that share a limit, for their shares while the counters fail.")
    ] = 1
    max_keys: Annotated[int, Meta(ge=100, description="Counters kept in one process; beyond it the fullest go.")] = (
        100_000
    )
