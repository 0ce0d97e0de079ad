"""Where in the data directory a gateway and its office meet."""

from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct

from torana.core.ledger import Spent
from torana.core.registry import Registry
from torana.jobs.purses import Debts
from torana.storage.journal.writing import FILE
from torana.storage.notices import Notice

_REGISTRY = "registry.json"


class Opened(Struct, frozen=True):
    """What budgets had come to when the gateway processes named began: these may spend from there on."""

    runs: tuple[str, ...]
    """Their journals' names."""
    spent: tuple[Spent, ...]


class Health(Struct, frozen=True):
    """How the office is."""

    at: float
    """Seconds since the epoch."""
    shipped: int
    """Rows taken to the database since it began."""
    trouble: str | None = None
    """What keeps it from its work."""


@dataclass(frozen=True, slots=True)
class Places:
    """The files that they share."""

    data: Path

    @property
    def are_new(self) -> bool:
        """Whether nobody has written anything that counts yet: no key, no rule, no call."""
        written = (self.database, self.data / _REGISTRY)
        return not any(path.exists() for path in written) and not any(self.journal.glob(f"*{FILE}"))

    @property
    def database(self) -> Path:
        """The database, where the settings name none. Its own module is not for gateways, which do without it."""
        return self.data / "torana.db"

    @property
    def journal(self) -> Path:
        """The directory of journals."""
        return self.data / "journal"

    @property
    def socket(self) -> Path:
        """Where the office answers."""
        return self.data / "office.sock"

    @property
    def lock(self) -> Path:
        """What the office holds while it works."""
        return self.data / "office.lock"

    @property
    def name(self) -> Path:
        """What tells this office from those of other gateways, and outlives restarts."""
        return self.data / "office.id"

    @property
    def registry(self) -> Notice[Registry]:
        """Who and what was let in."""
        return Notice(self.data / _REGISTRY, Registry)

    @property
    def opened(self) -> Notice[Opened]:
        """The books as gateways that count by themselves find them."""
        return Notice(self.data / "opened.json", Opened)

    @property
    def debts(self) -> Notice[Debts]:
        """Calls that shared counters of money are still to be told of."""
        return Notice(self.data / "debts.json", Debts)

    @property
    def health(self) -> Notice[Health]:
        """How the office is."""
        return Notice(self.data / "office.json", Health)
