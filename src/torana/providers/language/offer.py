"""What a vendor offers of language, as data: being wrong about a vendor is a change here alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torana.core.price import Price
from torana.dialects.openai import decode_error
from torana.dialects.steps import Fault
from torana.dialects.translated import Translated
from torana.dialects.ways import Way
from torana.providers.language.estimating import Reckon

ANY = "*"
MOST_OUT = 32_768
"""Tokens of one answer at most, where neither the client nor the model's maker sets a bound that we know."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one model."""

    operations: frozenset[str] = frozenset()
    """What it can be asked for; none stands for all that the vendor has ways for."""
    price: Price | None = None
    most_out: int = MOST_OUT
    """Tokens of one answer at most."""


@dataclass(frozen=True, slots=True)
class Language:
    """What a vendor offers of language."""

    ways: Mapping[str, Way] = field(repr=False)
    """By the family's operation."""
    models: Mapping[str, Facts] = field(default_factory=lambda: {ANY: Facts()})
    """Models it is known to have; ``*`` stands for all others."""
    ways_of: Mapping[str, Mapping[str, Way]] = field(default_factory=dict, repr=False)
    """Ways in place of those, for models whose names begin so."""
    reckoned: Mapping[str, Reckon] = field(default_factory=dict, repr=False)
    """What is answered without asking anybody, where there is no way to ask."""
    fault: Fault = field(default=lambda reply: decode_error(reply.status, reply.headers, reply.body), repr=False)
    """What a reply that is no success means."""
    prefix: str = ""
    """The path under the account's address at which its API for language starts, where that is not the address."""
    base_url: str | None = None
    """Where its API for language starts, with account options as ``{name}``; None where that for pictures does."""

    def facts(self, model: str) -> Facts | None:
        """What is known of a model; None for one that there is not."""
        return self.models.get(model, self.models.get(ANY))

    def price(self, model: str) -> Price | None:
        """What a model costs, as far as that is known."""
        facts = self.facts(model)
        return None if facts is None else facts.price

    def way(self, operation: str, model: str) -> Way | None:
        """How a model is asked for something; None where it cannot be."""
        facts = self.facts(model)
        if facts is None or (facts.operations and operation not in facts.operations):
            return None
        for beginning, ways in self.ways_of.items():
            if model.startswith(beginning):
                return ways.get(operation)
        return self.ways.get(operation)

    def operations(self, model: str) -> frozenset[str]:
        """All that a model can be asked for."""
        asked = {operation for operation in self.known if self.way(operation, model) is not None}
        # Such as counting, where there is something to be counted.
        reckoned = {each for each in self.reckoned if each.partition(".")[0] in asked}
        return frozenset(asked | reckoned)

    @property
    def known(self) -> frozenset[str]:
        """All that any model can be asked for."""
        further = (operation for ways in self.ways_of.values() for operation in ways)
        return frozenset({*self.ways, *further, *self.reckoned})

    @property
    def straight(self) -> frozenset[str]:
        """What of that somebody here is asked in the family's own dialect."""
        ways = (*self.ways.items(), *(each for ways in self.ways_of.values() for each in ways.items()))
        return frozenset(operation for operation, way in ways if not isinstance(way, Translated))

    @property
    def named(self) -> tuple[str, ...]:
        """Models it is known to have."""
        return tuple(name for name in self.models if name != ANY)
