"""The port to what opens doors, and the plainest ways: a header that is always the same, and none."""

import base64
import re
from dataclasses import dataclass, field
from typing import Final, Protocol

from torana.core.exchange import Message

_SENDABLE = re.compile(r"[!-~]+( [!-~]+)*")


class Signer(Protocol):
    """An account's credentials at an upstream, at work. They are in no error and no representation."""

    async def headers(self, message: Message, url: str) -> tuple[tuple[str, str], ...]:
        """What opens the door for ``message`` at ``url``, its whole address, now; to be sent beside its own headers.

        UpstreamAuth when the upstream gives us nothing to open it with.
        """
        ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """One header, the same for every message: ``Fixed("authorization", f"Bearer {key}")``.

    ValueError when the value is not printable ASCII: no header can carry it.
    """

    name: str
    value: str = field(repr=False)

    def __post_init__(self) -> None:
        if not _SENDABLE.fullmatch(self.value):
            raise ValueError("api_key must be printable ASCII on one line, without spaces around it")

    @property
    def sent(self) -> tuple[tuple[str, str], ...]:
        """The header, for whoever sends it with every message."""
        return ((self.name, self.value),)

    async def headers(self, message: Message, url: str) -> tuple[tuple[str, str], ...]:  # noqa: ARG002 - the port's
        """The header."""
        return self.sent


class Ajar:
    """A door that needs no key."""

    sent: Final[tuple[tuple[str, str], ...]] = ()

    async def headers(self, message: Message, url: str) -> tuple[tuple[str, str], ...]:  # noqa: ARG002 - the port's
        """Nothing."""
        return self.sent


def basic(secret: str) -> Fixed:
    """HTTP's Basic for ``user:password``; ValueError when there is no colon, or nothing before it."""
    user, colon, _ = secret.partition(":")
    if not user or not colon:
        raise ValueError("api_key must be USER:PASSWORD")
    return Fixed("authorization", f"Basic {base64.b64encode(secret.encode()).decode()}")
