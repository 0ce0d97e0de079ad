import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.gateway import START_SECONDS, Gateway, serve, token

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            # Any of them may be the one that waits for the gateway to start.
            item.add_marker(pytest.mark.timeout(START_SECONDS + 60))


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A small gateway: another one's upstream, and the one whose links expire soon."""
    config = """\
pictures: {ttl: 2s}
providers:
  echo: {type: echo}
models:
  echo: {targets: [{target: echo/echo}]}
"""
    with serve(tmp_path_factory.mktemp("lab"), config) as running:
        yield running


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory, lab: Gateway) -> Iterator[Gateway]:
    """The gateway that most tests share."""
    config = f"""\
uploads: {{max_body: 16MiB, max_file: 8MiB}}
providers:
  studio: {{type: local}}
  echo: {{type: echo}}
  lab: {{type: openai-compatible, base_url: "{lab.url}/v1", api_key: {{env: LAB_TOKEN}}}}
models:
  vary: {{targets: [{{target: studio/patchwork}}]}}
  echo: {{targets: [{{target: echo/echo}}]}}
  remote: {{targets: [{{target: lab/echo}}]}}
"""
    with serve(tmp_path_factory.mktemp("gateway"), config, {"LAB_TOKEN": token(sub="gateway")}) as running:
        yield running


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs for Node, and the clients they need, installed as the lock file says."""
    missing = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed")
    directory = tmp_path_factory.mktemp("node")
    for file in (HERE / "node").iterdir():
        if file.is_file():
            shutil.copy(file, directory)
    installed = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"],
        cwd=directory, capture_output=True, text=True, timeout=150, check=False,
    )  # fmt: skip
    assert installed.returncode == 0, installed.stderr
    return directory
