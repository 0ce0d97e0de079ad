"""What every store of responses can do."""

import re
from typing import Protocol

from torana.storage.objects.port import Swept

NAME = re.compile(r"[0-9a-f]{64}")


class Shelf(Protocol):
    """Keeps documents by name until they expire. WorkFailed, with the code ``storage_failed``, says that it fails.

    Names are 64 hexadecimal digits, and the caller's: whoever knows a name finds what is under it.
    """

    async def put(self, name: str, data: bytes) -> None:
        """Keeps a document, in place of what was under that name."""
        ...

    async def get(self, name: str) -> bytes | None:
        """The document of that name; None when there is none, or its time is up."""
        ...

    async def remove(self, name: str) -> None:
        """Forgets a document; nothing when there is none."""
        ...

    async def sweep(self) -> Swept:
        """Removes what expired; several may do so at once."""
        ...
