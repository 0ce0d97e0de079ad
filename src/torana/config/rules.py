"""What rules have in common: which calls they are for, and what they count apart."""

from typing import Annotated

from msgspec import Meta, Struct, field

Pattern = Annotated[str, Meta(min_length=1)]
Share = Annotated[
    str, Meta(pattern=r"^(user|team|key|model|metadata\..+)\Z", examples=["user", "metadata.project"])
]  # fmt: skip
RuleName = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}\Z", examples=["pictures-per-user"], description="Told to the refused.")
]


class When(Struct, frozen=True, forbid_unknown_fields=True):
    """Which calls a rule is for: those that fit all that is given. `*` is a wild card."""

    users: Annotated[tuple[Pattern, ...], Meta(description="Users by name: subjects of tokens, owners of keys.")] = ()
    service_accounts: Annotated[tuple[Pattern, ...], Meta(description="Service accounts by name.")] = ()
    teams: Annotated[tuple[Pattern, ...], Meta(description="Teams of which a caller has one or more.")] = ()
    keys: Annotated[tuple[Pattern, ...], Meta(description="Virtual keys by their ids.")] = ()
    models: Annotated[tuple[Pattern, ...], Meta(description="Models as callers name them.")] = ()
    operations: Annotated[tuple[Pattern, ...], Meta(description="Operations, such as `images.*`.")] = ()
    metadata: Annotated[dict[str, str], Meta(description="Values that a call's metadata has, all of them.")] = field(
        default_factory=dict
    )
