import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from torana.media.workers import Incident, Workers


@pytest.fixture
def jobs(monkeypatch) -> str:
    """The module of the tests' jobs, made known to the workers."""
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    return "tests.media.worker_jobs"


@pytest.fixture
def mark(tmp_path) -> Path:
    """A pipe through which a job tells that it has begun: reading it waits for that."""
    path = Path(tmp_path, "mark")
    os.mkfifo(path)
    return path


@pytest.fixture
def incidents() -> list[Incident]:
    return []


@pytest.fixture
async def crew(jobs, incidents) -> AsyncIterator[Callable[..., Workers]]:
    """Makes workers, and ends them after the test."""
    crews: list[Workers] = []

    def hired(**settings: Any) -> Workers:
        defaults = {"count": 1, "queue": 8, "memory": 512 << 20, "on_incident": incidents.append}
        crews.append(Workers(**(defaults | settings)))
        return crews[-1]

    yield hired
    for workers in crews:
        await workers.stop()
