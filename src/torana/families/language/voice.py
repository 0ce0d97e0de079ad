"""What a family of conversations can do for dialects that are not its own: hear a request, tell an answer."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from torana.families.language.asked import LanguageRequest
from torana.families.language.saying import Happening, Utterance
from torana.families.language.words import Conversation


@dataclass(frozen=True, slots=True)
class Occasion:
    """What an answer is told on: the request, when it was begun, under which names."""

    request: LanguageRequest
    created: int
    """Unix seconds."""
    id: str
    """Our name for the answer, without a prefix: letters and digits."""
    model: str
    """The upstream's model, where it does not say it itself."""


class Teller(Protocol):
    """Tells one answer as events, in the family's own words."""

    def tell(self, happening: Happening) -> Iterable[bytes]:
        """The frames that a happening comes to."""
        ...

    def close(self) -> Iterable[bytes]:
        """The last frames, when all has happened."""
        ...


@dataclass(frozen=True, slots=True)
class Voice:
    """A family's way of asking and of being answered."""

    hear: Callable[[LanguageRequest], Conversation] = field(repr=False)
    """What is asked; InvalidRequest names the field that is wrong, or that nobody else would understand."""
    tell: Callable[[Utterance, Occasion], bytes] = field(repr=False)
    """An answer, whole, in JSON."""
    teller: Callable[[Occasion], Teller] = field(repr=False)
    """Tells an answer as events."""
