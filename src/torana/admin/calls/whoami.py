"""Who is asking, as this API knows him."""

from typing import Annotated

from msgspec import Meta, Struct

from torana.admin.operation import Ask, Desk, Operation
from torana.admin.wire import Nothing


class Whoami(Struct, frozen=True, kw_only=True):
    """Whoever is asking."""

    name: Annotated[str, Meta(description="As the audit log has it.")]
    role: str
    teams: tuple[str, ...]
    issuer: str
    key: Annotated[str | None, Meta(description="Id of the virtual key that was used.")]
    origin: str


def whoami(_desk: Desk, ask: Ask[Nothing, Nothing]) -> Whoami:
    """Tells somebody who he is here."""
    asker = ask.asker
    return Whoami(
        name=asker.actor.name,
        role=asker.role,
        teams=asker.principal.teams,
        issuer=asker.principal.issuer,
        key=asker.principal.key,
        origin=asker.actor.origin,
    )


OPERATIONS = (Operation("GET", "/whoami", "Show who is asking", whoami, Whoami, Nothing, Nothing),)
