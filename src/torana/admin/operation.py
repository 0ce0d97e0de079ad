"""What a call of this API is: where it is found, who may make it, what it takes and what it gives."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from msgspec import Struct

from torana.admin.rights import Asker
from torana.config.model import Settings
from torana.core.clock import Clock
from torana.core.registry import AUDITOR
from torana.routing.catalog import Catalog
from torana.storage.sql.ledger.table import LedgerTable
from torana.storage.sql.registers import Registers

Q = TypeVar("Q", bound=Struct)
B = TypeVar("B")
Method = Literal["GET", "PUT", "POST", "DELETE"]


@dataclass(frozen=True, slots=True)
class Desk:
    """All that calls work with."""

    settings: Settings
    registers: Registers
    ledger: LedgerTable
    catalog: Catalog
    """The models that can be asked for."""
    clock: Clock


@dataclass(frozen=True, slots=True)
class Ask(Generic[Q, B]):
    """A call as it came in, checked."""

    asker: Asker
    path: Mapping[str, str]
    """What stands in the path, by the name that the operation gives it."""
    query: Q
    body: B


@dataclass(frozen=True, slots=True)
class Table:
    """A long reply: names of columns, and lines that are fetched as they are sent."""

    columns: tuple[str, ...]
    rows: Iterator[tuple[object, ...]]
    form: Literal["csv", "jsonl"]


@dataclass(frozen=True, slots=True)
class Operation(Generic[Q, B]):
    """One call; ``run`` works in a thread of its own and may take its time."""

    method: Method
    path: str
    """Below ``/admin``. ``{name}`` is one step of it, ``{name:path}`` all that follows."""
    summary: str
    run: Callable[[Desk, Ask[Q, B]], Any]
    reply: Any
    """The type of what ``run`` gives, unless that is a Table."""
    query: type[Q]
    body: type[B]
    role: str = AUDITOR
    """The lowest that may make it."""
    status: int = 200
    parameters: Mapping[str, str] = field(default_factory=dict)
    """What the names in the path stand for."""
    shape: Any = None
    """The type that describes a body which the call checks by itself."""
    tables: bool = False
    """Whether it can answer with a Table, too."""

    @property
    def tag(self) -> str:
        """The noun that it is about."""
        return self.path.split("/")[1]
