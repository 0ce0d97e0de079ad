import subprocess
import sys

import click
import pytest

from tests.cli.command import run
from torana.cli.admin import groups
from torana.cli.main import LazyGroup, torana

GROUPS = {name: group for name, group in vars(groups).items() if isinstance(group, LazyGroup)}
COMMANDS = [
    *[(str(group.name), name) for group in GROUPS.values() for name in group.list_commands(click.Context(group))],
    ("usage",), ("ledger",), ("audit",), ("explain",),
]  # fmt: skip


def test_every_group_is_a_command() -> None:
    assert {group.name for group in GROUPS.values()} <= {*torana.list_commands(click.Context(torana))}


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_is_good_to_read(path: tuple[str, ...]) -> None:
    done = run(*path, "--help", COLUMNS="80")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: {' '.join(['torana', *path])} ")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "--url URL" in done.stdout
    assert "--json" in done.stdout


def test_help_loads_no_database() -> None:
    program = (
        "import sys\n"
        "from torana.cli import main\n"
        "for arguments in (['--help'], ['keys', '--help']):\n"
        "    main.torana(arguments, standalone_mode=False)\n"
        "print('loaded:', *{'sqlalchemy', 'alembic', 'starlette', 'rich', 'aiohttp', 'uvicorn'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded:"
