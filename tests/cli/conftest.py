from pathlib import Path

import pytest

from tests.cli.command import CONFIG


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands leave files in the folder they are called in: each test has one of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def config(here: Path) -> Path:
    """A sound configuration file."""
    here.joinpath("gateway.yaml").write_text(CONFIG)
    return Path("gateway.yaml")
