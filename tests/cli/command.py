"""The command line as its users meet it."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from click.testing import CliRunner, Result

from tests.e2e.gateway import TORANA
from torana.cli.main import torana

SECRET = "a secret for tests, of 32 bytes or more"
CONFIG = """\
auth:
  issuers:
    - {issuer: https://tokens.example, audience: torana, algorithms: [HS256], secret: {env: CLI_SECRET}}
providers:
  studio: {type: local}
  echo: {type: echo}
models:
  vary: {targets: [{target: studio/patchwork}, {target: echo/echo}]}
"""


def run(*arguments: str | Path, **environ: str) -> Result:
    """One command in this process; an exception that would show as a traceback fails the test."""
    environment = {"CLI_SECRET": SECRET, **environ}
    runner = CliRunner(env=environment, catch_exceptions=False)
    return runner.invoke(torana, [str(argument) for argument in arguments], prog_name="torana")


def start(
    *arguments: str | Path, directory: Path, environ: Mapping[str, str] | None = None, stderr: int = subprocess.PIPE
) -> subprocess.Popen[str]:
    """One command in a process of its own, its outputs in pipes."""
    return subprocess.Popen(
        [TORANA, *map(str, arguments)],
        cwd=directory,
        env={**os.environ, "CLI_SECRET": SECRET, **(environ or {})},
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )


def end(process: subprocess.Popen[str], seconds: float = 30) -> tuple[int, str, str]:
    """Its exit code and what it still had to say."""
    with process:
        out, err = process.communicate(timeout=seconds)
    return process.returncode, out, err
