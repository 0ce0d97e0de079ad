"""Tells gateways who and what was let in: the registry, as a notice that they read when it has changed."""

from collections.abc import Callable
from dataclasses import dataclass

from torana.core.registry import Registry
from torana.jobs.threads import in_thread
from torana.storage.notices import Notice
from torana.storage.sql.registers import Registers


@dataclass(slots=True)
class Publishing:
    """Posts the registry whenever it has a new revision."""

    registers: Registers
    notice: Notice[Registry]
    changed: Callable[[Registry], None]
    """Told of every new one, in a thread."""
    _revision: int | None = None

    async def publish(self) -> None:
        """Once, if there is news; DatabaseUnavailable and OSError leave what was posted last."""
        if await in_thread(self.registers.revision) == self._revision:
            return
        registry = await in_thread(self.registers.registry)
        await in_thread(self.notice.post, registry)
        await in_thread(self.changed, registry)
        self._revision = registry.revision
