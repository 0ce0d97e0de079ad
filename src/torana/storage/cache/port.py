"""The port to kept answers."""

from typing import Protocol


class AnswersUnavailable(Exception):
    """The store did not do what it was asked, or nobody can say whether it did; the message says why."""


class Answers(Protocol):
    """Keeps bytes by name, for a while. What it was given may be gone at any time."""

    async def get(self, name: str) -> bytes | None:
        """What was kept under a name, if there is any; AnswersUnavailable when that cannot be told."""
        ...

    async def put(self, name: str, data: bytes, ttl: float) -> None:
        """Keeps it for so many seconds; AnswersUnavailable when it cannot be kept."""
        ...
