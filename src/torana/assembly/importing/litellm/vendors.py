"""Which of our types of provider another gateway means by a model's name."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from torana.providers.base import Declaration


@dataclass(frozen=True, slots=True)
class Meant:
    """A type of provider, what it was called, and the model's name there."""

    declaration: Declaration
    prefix: str
    model: str


class Vendors:
    """Knows the types of provider by what others call them."""

    def __init__(self, declared: Mapping[str, Declaration]) -> None:
        self._declared = declared
        # Those that need neither key nor network are ours alone.
        outside = [each for each in declared.values() if each.alone is None]
        self._by_prefix = {
            name: each for each in outside for name in (each.type, each.type.replace("-", "_"), *each.aliases)
        }
        self._outside = outside

    def meant(self, written: str, provider: str | None) -> Meant | None:
        """What ``provider/model`` or ``model`` means; None where no type of ours is called so."""
        prefix, slash, model = written.partition("/")
        if provider is not None:
            return self._known(provider, model if slash and prefix == provider else written)
        if slash:
            return self._known(prefix, model)
        knowing = [each for each in self._outside if any(fnmatchcase(written, alias) for alias in each.aliases)]
        return Meant(knowing[0], knowing[0].type, written) if knowing else None

    def _known(self, prefix: str, model: str) -> Meant | None:
        declaration = self._by_prefix.get(prefix)
        return Meant(declaration, prefix, model) if declaration else None

    def at(self, declaration: Declaration, base_url: str | None) -> Declaration:
        """The type for an address: of a server elsewhere that speaks like a vendor, it is that of the like."""
        if base_url is None or declaration.imitated_by is None:
            return declaration
        own = urlsplit(str(declaration.base_url)).hostname or ""
        host = urlsplit(base_url).hostname or ""
        return declaration if f".{host}".endswith(f".{own}") else self._declared[declaration.imitated_by]
