"""A real office in a process of its own, and what a gateway would do beside it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CONFIG = """
server: {{data_dir: {data}}}
providers: {{here: {{type: local}}}}
auth: {{issuers: [{{issuer: torana, audience: torana, algorithms: [HS256], secret: {{env: TORANA_JWT_SECRET}}}}]}}
{more}
"""


def config_in(directory: Path, more: str = "") -> Path:
    """A configuration whose data is kept there."""
    config = directory / "torana.yaml"
    (directory / "data").mkdir(exist_ok=True)
    config.write_text(CONFIG.format(data=directory / "data", more=more))
    return config


@contextmanager
def office(config: Path | None) -> Iterator[Any]:
    """It works as long as its standard input is open."""
    process = subprocess.Popen(
        [sys.executable, "-m", "torana.assembly.office", *([] if config is None else [str(config)])],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TORANA_JWT_SECRET": "a shared secret that nobody guesses"},
    )
    try:
        with process:
            yield process
            process.kill()
    finally:
        process.kill()


def until(done: Callable[[], object], seconds: float = 20.0) -> None:
    """Returns when something is so."""
    for _ in range(int(seconds * 50)):
        if done():
            return
        time.sleep(0.02)
    raise AssertionError("it is not so")
