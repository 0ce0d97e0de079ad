import subprocess
import sys
from importlib.metadata import version

import click
import pytest

from tests.cli.command import run
from tests.e2e.gateway import TORANA
from torana.cli import main

COMMANDS: list[tuple[str, ...]] = [
    (), ("config",), ("config", "check"), ("engine",), ("engine", "warm"), ("models",), ("route",), ("serve",),
    ("token",), ("token", "mint"), ("vary",),
]  # fmt: skip


def command(path: tuple[str, ...]) -> click.Command:
    found: click.Command = main.torana
    for name in path:
        assert isinstance(found, click.Group)
        found = found.get_command(click.Context(found), name) or pytest.fail(name)
    return found


def test_help_tells_what_there_is() -> None:
    done = run("--help")
    assert (done.exit_code, done.stderr) == (0, "")
    for name in ("config", "engine", "models", "route", "serve", "token", "vary"):
        assert f"\n  {name} " in done.stdout
    assert "`torana serve` needs no configuration, `torana vary PHOTO` needs no server." in done.stdout
    assert "Exit codes: 0 done, 1 the work failed, 2 a mistake" in done.stdout


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_is_good_to_read(path: tuple[str, ...]) -> None:
    done = run(*path, "--help")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: {' '.join(['torana', *path])} ")
    assert max(map(len, done.stdout.splitlines())) <= 80
    # click ends a summary that is too long for its line so.
    assert "..." not in done.stdout.replace("COMMAND [ARGS]...", "").replace("PHOTOS...", "")
    described = command(path)
    assert described.help
    for option in described.params:
        if isinstance(option, click.Option):
            assert option.help
            assert option.help.endswith((".", "7d."))


def test_without_a_command_it_helps() -> None:
    done = run()
    assert done.exit_code == 2
    assert "Commands:" in done.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("fly",), "No such command 'fly'"),
        (("models", "all"), "unexpected extra argument"),
        (("models", "--fast"), "No such option"),
        (("config", "mend"), "No such command 'mend'"),
    ],
)
def test_mistakes_in_the_command(arguments: tuple[str, ...], says: str) -> None:
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert says in done.stderr


def test_the_version() -> None:
    assert run("--version").stdout == f"torana {version('torana')}\n"


def test_exit_codes_reach_the_shell() -> None:
    for arguments, code in (["--version"], 0), (["fly"], 2):
        assert subprocess.run([TORANA, *arguments], capture_output=True, check=False).returncode == code


def test_a_command_pays_for_its_own_imports_alone() -> None:
    program = (
        "import sys\n"
        "from torana.cli import main\n"
        "main.torana(['token', 'mint', '--help'], standalone_mode=False)\n"
        "print('loaded:', *{'uvicorn', 'rich', 'aiohttp', 'PIL', 'numpy'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded:"
