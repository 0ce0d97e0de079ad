from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands keep their database in the folder they are called in, and find no key and no URL around them."""
    monkeypatch.chdir(tmp_path)
    for name in ("TORANA_URL", "TORANA_KEY"):
        monkeypatch.delenv(name, raising=False)
    # Wide enough that no line is folded.
    monkeypatch.setenv("COLUMNS", "240")
    return tmp_path
