from pathlib import Path

import pytest

from tests.cli.command import run


@pytest.mark.parametrize("option", ["-c", "--config"])
def test_a_file_by_either_name(config: Path, option: str) -> None:
    assert "vary" in run("models", option, config).stdout


def test_without_a_file() -> None:
    assert "patchwork" in run("models").stdout


@pytest.mark.parametrize("command", [("models",), ("serve",), ("token", "mint", "--subject", "ada")])
def test_a_file_that_is_not_there(command: tuple[str, ...]) -> None:
    done = run(*command, "--config", "nowhere.yaml")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "nowhere.yaml: cannot be read: No such file or directory\n"


def test_a_folder_is_no_file(here: Path) -> None:
    done = run("models", "--config", here)
    assert done.exit_code == 2
    assert "is a directory" in done.stderr
