"""Settings to assemble from, and a log to read."""

import io
import json
from pathlib import Path
from typing import Any

from torana.assembly.books.bookkeeping import Books
from torana.assembly.reload.compiling import Compiler
from torana.assembly.reload.documents import Documents
from torana.config.books import Database
from torana.config.model import Auth, Issuer, Server, Settings
from torana.config.secrets import Secret
from torana.config.upstreams import Idempotency
from torana.core.clock import Clock, SystemClock
from torana.media.workers import Workers
from torana.policy.idempotency import Replays
from torana.routing.health import Health
from torana.telemetry.logs import Logger
from torana.telemetry.signals import Signals

ENVIRON = {"TORANA_JWT_SECRET": "a shared secret that nobody guesses", "LAB_KEY": "lab-key"}
ISSUER = Issuer(issuer="torana", audience="torana", algorithms=("HS256",), secret=Secret(env="TORANA_JWT_SECRET"))


class Log(io.StringIO):
    """What was logged."""

    @property
    def logger(self) -> Logger:
        return Logger("json", "info", clock=SystemClock(), stream=self)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


def settings_in(directory: Path, **rooms: Any) -> Settings:
    """Settings whose data is kept there."""
    usual = {
        "server": Server(data_dir=str(directory / "data")),
        "auth": Auth(issuers=(ISSUER,)),
        # There is no office beside a gateway that a test builds by hand.
        "database": Database(enabled=False),
    }
    return Settings(**{**usual, **rooms})


def compiler(log: Log, *, workers: Workers | None = None, clock: Clock | None = None) -> Compiler:
    """What makes editions, with workers that need not be started."""
    clock = clock or SystemClock()
    crew = workers or Workers(count=1, queue=10, memory=512 << 20)
    return Compiler(
        environ=ENVIRON,
        workers=crew,
        health=Health(clock),
        replays=Replays(clock, Idempotency()),
        books=Books(
            Settings(database=Database(enabled=False)), ENVIRON, clock=clock, logger=log.logger, signals=Signals()
        ),
        documents=Documents(),
        clock=clock,
        logger=log.logger,
        signals=Signals(),
    )
