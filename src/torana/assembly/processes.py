"""What a server needs to run the gateway in its own process, or in several others."""

import ctypes
import gc
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torana.assembly.complaints import COMPLAINTS, UNSOUND, sentences
from torana.assembly.gateway import build_app, check_keys, data_directory
from torana.assembly.settings import load
from torana.config.model import Settings
from torana.core.clock import SystemClock
from torana.edge.app import App
from torana.edge.protocol import BoundedProtocol, Bounds
from torana.telemetry.logs import forward_standard_logging, make_logger
from torana.telemetry.signals import forget_process, share_metrics

_GARBAGE = (10_000, 20, 50)
"""How many objects more have the collector look at the young, and how many looks at those one at the older."""

_ALLOCATOR = {
    "MALLOC_ARENA_MAX": (-8, 1),
    "MALLOC_MMAP_THRESHOLD_": (-3, 4 * 1024**2),
    "MALLOC_TRIM_THRESHOLD_": (-1, 16 * 1024**2),
}
"""How memory is kept: the variable by which an operator says it, the option's number in ``malloc.h``, and the value."""


@dataclass(frozen=True, slots=True)
class AppFactory:
    """Makes the application in the process and the event loop that run it; it can cross to another process."""

    config: Path | None
    listening: str

    def __call__(self) -> App:
        """The application, from the configuration as it is now."""
        try:
            settings = load(self.config).settings
            logger = make_logger(settings.telemetry.log_format, settings.telemetry.log_level, SystemClock())
            forward_standard_logging(logger)
            app = build_app(settings, os.environ, listening=self.listening, logger=logger, config=self.config)
        except COMPLAINTS as error:
            # The configuration was sound when the parent looked.
            sys.stderr.writelines(f"{sentence}\n" for sentence in sentences(error))
            sys.exit(UNSOUND)
        _collect_less()
        _keep_memory(os.environ)
        return app


def _collect_less() -> None:
    """Has the garbage collector pass over what lives as long as the process, and look less often.

    A call's values are freed when the last one who has them lets go; few things refer to one another in circles.
    With Python's own settings the collector looks several times a millisecond, each time at calls that are under way.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE)


def _keep_memory(environ: Mapping[str, str]) -> None:
    """Has what one call gives back be there for the next, as far as the operator does not want it otherwise.

    glibc gives each thread a store of its own, and what is given back there no other gets: under large uploads, which
    go to the disk in threads, a fifth of the gateway's memory was such leavings. Only one thread runs Python at a time.
    And it gets large pieces from the system and gives them back each time, which clears every page of them anew.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    # Other C libraries have nothing of the kind.
    if set_option is None or sys.platform != "linux":
        return
    for name, (option, value) in _ALLOCATOR.items():
        if name not in environ:
            set_option(option, value)


def bounded_protocol(settings: Settings) -> Callable[..., BoundedProtocol]:
    """What speaks HTTP with clients; it can cross to another process."""
    return partial(BoundedProtocol, bounds=Bounds.of(settings.server))


def prepare_several(settings: Settings) -> None:
    """To be called before several processes are started for one gateway: they will count their metrics together."""
    share_metrics(data_directory(settings) / "metrics")


def is_sound(config: Path | None) -> bool:
    """Whether a process that is started now could serve."""
    try:
        check_keys(load(config).settings, os.environ)
    except (*COMPLAINTS, OSError):
        return False
    return True


def count_out(pid: int | None) -> None:
    """To be called when one of several processes has ended and is to be replaced."""
    if pid is not None:
        forget_process(pid)
