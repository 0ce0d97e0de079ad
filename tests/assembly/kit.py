"""Settings to assemble from, and a log to read."""

import io
import json
from pathlib import Path
from typing import Any

from torana.config.model import Auth, Issuer, Secret, Server, Settings
from torana.core.clock import SystemClock
from torana.telemetry.logs import Logger

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
    return Settings(**{"server": Server(data_dir=str(directory / "data")), "auth": Auth(issuers=(ISSUER,)), **rooms})
