"""The rules as they stand: those of the configuration file, as it is now, and those of the registry."""

from collections.abc import Sequence
from pathlib import Path

from torana.assembly.complaints import COMPLAINTS, sentences
from torana.assembly.settings import load
from torana.auth.directory import Directory
from torana.config.books import Budget
from torana.config.model import Settings
from torana.core.registry import Registry
from torana.policy.rulebook import Additions
from torana.telemetry.logs import Logger


class Standing:
    """Takes up changes of the file and of the registry; what cannot be read leaves what was there."""

    def __init__(self, settings: Settings, config: Path | None, logger: Logger) -> None:
        self.settings = settings
        self._config = config
        self._logger = logger
        self._seen = _mark(config)
        self.directory = Directory()
        self._additions = Additions(lambda name, why: logger.error("rule_unreadable", rule=name, reason=why))

    @property
    def budgets(self) -> Sequence[Budget]:
        """All that count now."""
        written = self.settings.budgets
        names = {budget.name for budget in written}
        return (*written, *(budget for budget in self._additions.current.budgets if budget.name not in names))

    def look(self) -> None:
        """Reads the file anew if it has changed."""
        mark = _mark(self._config)
        if mark == self._seen:
            return
        self._seen = mark
        try:
            self.settings = load(self._config).settings
        except (*COMPLAINTS, OSError) as error:
            self._logger.warning("reload_failed", mistakes=sentences(error))

    def learn(self, registry: Registry) -> None:
        """The registry has changed; a rule that this version cannot read is told, and does not count."""
        self.directory.learn(registry)
        self._additions.learn(registry)


def _mark(config: Path | None) -> tuple[int, int] | None:
    try:
        status = None if config is None else config.stat()
    except OSError:
        return None
    return status and (status.st_mtime_ns, status.st_size)
