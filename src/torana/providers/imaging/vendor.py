"""A vendor of pictures: everything that sets one apart from another, in one value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torana.config.upstreams import Account
from torana.dialects.openai_images import decode_fault
from torana.dialects.steps import Draw, Fault
from torana.providers.base import Lent
from torana.providers.imaging.ability import Ability
from torana.upstream.signing.signer import Ajar, Fixed, Signer

Door = Callable[[Account, str | None, Lent], Signer]
"""How an account's key, None where it has none, opens the vendor's door; ValueError when the key cannot be one."""


def bearer(_account: Account, key: str | None, _lent: Lent) -> Signer:
    """``Authorization: Bearer``, or nothing without a key."""
    return Fixed("authorization", f"Bearer {key}") if key else Ajar()


def header(name: str, scheme: str = "") -> Door:
    """A header of the vendor's own, with a word before the key where it wants one."""

    def door(_account: Account, key: str | None, _lent: Lent) -> Signer:
        return Fixed(name, f"{scheme} {key}".lstrip()) if key else Ajar()

    return door


@dataclass(frozen=True, slots=True)
class Vendor:
    """What there is to know of a vendor. Its file makes one of these and declares it."""

    type: str
    summary: str
    draw: Draw = field(repr=False)
    """The conversation for one Ask."""
    abilities: Mapping[str, Ability]
    """The models it is known to have; ``*`` stands for all others."""
    fault: Fault = field(default=decode_fault, repr=False)
    """What a reply that is no success means."""
    door: Door = field(default=bearer, repr=False)
    base_url: str | None = None
    """Where its API starts, with account options as ``{name}``; None where only the operator knows."""
    hosts: tuple[str, ...] = ()
    """Domains of its own to which the addresses it gives may lead, with our credentials."""
    options: Mapping[str, str] = field(default_factory=dict)
    """The account options it takes, and what each is."""
    needs: frozenset[str] = frozenset({"api_key"})
    """Settings and options that an account cannot do without."""
    note: str = ""
    """What operators should know of its state: what is ending, and when."""
    aliases: frozenset[str] = frozenset()
    """What other gateways call it: see ``Declaration``, as for the next two."""
    spellings: Mapping[str, str] = field(default_factory=dict)
    imitated_by: str | None = None

    def ability(self, model: str) -> Ability | None:
        """What a model can be asked for; None for one that there is not."""
        return self.abilities.get(model, self.abilities.get("*"))
