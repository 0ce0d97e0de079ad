"""What a family of conversations can do for dialects that are not its own: hear a request, tell an answer."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Protocol

from msgspec import Struct

from torana.families.language.asked import LanguageRequest
from torana.families.language.saying import Happening, Utterance
from torana.families.language.words import Conversation

_BYTES_OF_AN_ID = 12


class Occasion(Struct):
    """What an answer is told on: the request, when it was begun (Unix seconds), under which names.

    Without an id, one is made when it is asked for: most answers have their upstream's.
    """

    request: LanguageRequest
    created: int
    _id: str | None
    model: str
    """The upstream's name for it, where it does not say it itself."""

    @property
    def id(self) -> str:
        """Our name for the answer, without a prefix: letters and digits."""
        if self._id is None:
            self._id = token_hex(_BYTES_OF_AN_ID)
        return self._id

    def __repr__(self) -> str:
        return f"Occasion({self.request!r}, {self.created}, {self.model!r})"


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
