import json
from pathlib import Path

from tests.cli.command import run


def test_names_and_what_is_behind_them(config: Path) -> None:
    done = run("models", "--config", config)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "vary              studio/patchwork, echo/echo",
        "studio/patchwork  studio/patchwork",
        "echo/echo         echo/echo",
    ]


def test_json(config: Path) -> None:
    assert json.loads(run("models", "--config", config, "--json").stdout) == [
        {"model": "vary", "targets": ["studio/patchwork", "echo/echo"]},
        {"model": "studio/patchwork", "targets": ["studio/patchwork"]},
        {"model": "echo/echo", "targets": ["echo/echo"]},
    ]


def test_without_a_configuration() -> None:
    names = {offered["model"] for offered in json.loads(run("models", "--json").stdout)}
    assert {"patchwork", "echo"} <= names


def test_a_folder_that_cannot_be_used(here: Path) -> None:
    here.joinpath("torana-data").touch()
    done = run("models")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "torana-data/token.key: Not a directory\n"
