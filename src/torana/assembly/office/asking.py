"""A request to the admin API and the way to it, wherever that API is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol
from urllib.parse import quote, urlencode

Take = Callable[[int, bytes], None]
"""Told the reply's status with each piece of its body, at least once."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked; ``steps`` are those of the path below ``/admin``, as they are, and ``body`` is JSON."""

    method: Literal["GET", "PUT", "POST", "DELETE"]
    steps: tuple[str, ...]
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path in plain words."""
        return "/".join(("/admin", *self.steps))

    @property
    def query_string(self) -> str:
        """The query as a URL has it."""
        return urlencode(self.query)

    @property
    def target(self) -> str:
        """Path and query as a URL has them."""
        path = "/".join(("/admin", *(quote(step, safe="") for step in self.steps)))
        return f"{path}?{self.query_string}" if self.query else path


class Office(Protocol):
    """Somewhere that the admin API answers."""

    async def ask(self, request: Request, take: Take) -> None:
        """Sends a request and hands over its reply as it comes; ToranaError when there is none."""
        ...
