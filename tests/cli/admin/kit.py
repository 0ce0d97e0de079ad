"""Commands that are to succeed, and what they print."""

import json
import os
import pwd
from pathlib import Path
from typing import Any

from tests.cli.command import run

ACTOR = f"local:{pwd.getpwuid(os.getuid()).pw_name}"


def done(*arguments: str | Path, **environ: str) -> str:
    """What a command that succeeds prints."""
    result = run(*arguments, **environ)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def told(*arguments: str | Path) -> Any:
    """The same as JSON."""
    return json.loads(done(*arguments, "--json"))


def failed(*arguments: str | Path, **environ: str) -> tuple[int, str]:
    """The exit code and the complaint of a command that prints nothing else."""
    result = run(*arguments, **environ)
    assert result.stdout == ""
    return result.exit_code, result.stderr.strip()
