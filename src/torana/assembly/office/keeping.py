"""Keeps the office running beside a gateway: a process of its own, begun again when it ends."""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from torana.assembly.complaints import UNSOUND
from torana.assembly.processes import is_sound
from torana.config.model import Telemetry
from torana.core.clock import SystemClock
from torana.telemetry.logs import make_logger

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0
_SETTLED = 60.0
"""An office that lived for so long, in seconds, is begun again soon when it ends."""
_LAST_WORK = 15.0
"""How long it may go on when the gateway has ended, in seconds: it puts away what the journal holds."""


class Keeper:
    """Starts the office and keeps it, from a thread; ``refused`` is called when the first says that it never can work.

    A later one that says so has met a newer version, which migrated the database while this gateway served: that goes
    on serving until it is replaced itself, and keeps in its journal what no office takes.

    The office ends when this process does, however that ends: it reads from a pipe that nobody else can write to.
    """

    def __init__(self, config: Path | None, telemetry: Telemetry, *, refused: Callable[[], None]) -> None:
        self._config = config
        self._refused = refused
        self._logger = make_logger(telemetry.log_format, telemetry.log_level, SystemClock())
        self.is_refused = False
        self._has_worked = False
        self._ended = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._changing = threading.Lock()
        self._thread = threading.Thread(target=self._keep, name="office-keeper", daemon=True)

    def start(self) -> None:
        """Returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Lets it do what is left to do, and ends it."""
        with self._changing:
            self._ended.set()
            process = self._process
        if process is not None:
            try:
                self._let_go(process)
                process.wait(_LAST_WORK)
            except subprocess.TimeoutExpired:
                process.kill()
        # The thread takes note of its end, so that nothing is left of it.
        self._thread.join(1)

    def _keep(self) -> None:
        pause = _FIRST_PAUSE
        while (process := self._started()) is not None or not self._ended.is_set():
            if process is not None and self._has_settled(process):
                pause = _FIRST_PAUSE
            if process is not None and self._refuses(process):
                return
            self._has_worked = self._has_worked or (process is not None and process.returncode != UNSOUND)
            if not self._ended.is_set():
                status = None if process is None else process.returncode
                self._logger.error("office_ended", status=status, begun_again_in=pause)
            if self._ended.wait(pause):
                return
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _started(self) -> subprocess.Popen[bytes] | None:
        """A new one; None where there is to be none, or the machine has no room for it."""
        with self._changing:
            if not self._ended.is_set():
                try:
                    self._process = subprocess.Popen(self._command(), stdin=subprocess.PIPE)  # noqa: S603 - our own
                except OSError:
                    return None
                return self._process
        return None

    def _has_settled(self, process: subprocess.Popen[bytes]) -> bool:
        """Returns when it has ended: whether it lived long."""
        try:
            process.wait(_SETTLED)
        except subprocess.TimeoutExpired:
            process.wait()
            return True
        finally:
            self._let_go(process)
        return False

    def _refuses(self, process: subprocess.Popen[bytes]) -> bool:
        # Of a file that somebody has spoilt since, the gateway takes no notice either.
        if self._ended.is_set() or process.returncode != UNSOUND or self._has_worked or not is_sound(self._config):
            return False
        self.is_refused = True
        self._refused()
        return True

    def _let_go(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None, "it was asked for"
        process.stdin.close()

    def _command(self) -> list[str]:
        config = [] if self._config is None else [str(self._config)]
        return [sys.executable, "-m", "torana.assembly.office", *config]
