"""The first steps of the README, as a newcomer takes them: with no configuration."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.e2e.gateway import START_SECONDS, TORANA, wait_until

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


@dataclass(frozen=True)
class FirstStep:
    url: str
    said: str
    curl: str
    directory: Path


@pytest.fixture(scope="module")
def first_step(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirstStep]:
    directory = tmp_path_factory.mktemp("first-step")
    with directory.joinpath("out").open("wb") as out, directory.joinpath("err").open("wb") as err:
        process = subprocess.Popen([TORANA, "serve", "--curl", "--port", "0"], cwd=directory, stdout=out, stderr=err)
    try:
        said = directory.joinpath("err")
        wait_until(lambda: re.search(r"listens on (\S+)\n", said.read_text()) or process.poll() is not None)
        found = re.search(r"listens on (\S+)\n", said.read_text())
        assert found is not None, said.read_text()

        def ready() -> bool:
            return (
                b'"ready"'
                in subprocess.run(["curl", "-s", f"{found[1]}/readyz"], capture_output=True, check=False).stdout
            )

        wait_until(ready, START_SECONDS)
        yield FirstStep(found[1], said.read_text(), directory.joinpath("out").read_text(), directory)
    finally:
        process.terminate()
        assert process.wait(30) == 0


def test_it_says_what_it_does(first_step: FirstStep) -> None:
    assert "No configuration" in first_step.said
    assert "patchwork" in first_step.said
    assert first_step.url.startswith("http://127.0.0.1:")
    key = first_step.directory / "torana-data" / "token.key"
    assert key.stat().st_mode & 0o777 == 0o600


def test_the_curl_line_can_be_pasted(first_step: FirstStep) -> None:
    pasted = subprocess.run(first_step.curl, shell=True, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    links = re.findall(r'"url": ?"([^"]+)"', pasted)
    assert len(links) == 2, pasted
    with urlopen(links[0]) as picture:
        assert picture.headers["content-type"] == "image/png"


def run_example(first_step: FirstStep, number: int) -> str:
    """What one of the README's programs prints."""
    example = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)[number]
    minted = [TORANA, "token", "mint", "--subject", "you"]
    token = subprocess.run(minted, cwd=first_step.directory, capture_output=True, text=True, check=True).stdout.strip()
    environ = {**os.environ, "OPENAI_BASE_URL": f"{first_step.url}/v1", "OPENAI_API_KEY": token}
    return subprocess.run(
        [sys.executable, "-c", example], cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    ).stdout


def test_the_example_of_a_chat_runs(first_step: FirstStep) -> None:
    assert run_example(first_step, 0) == "Hello, Torana!"


def test_the_example_of_pictures_runs(first_step: FirstStep) -> None:
    links = run_example(first_step, 1).split()
    assert len(links) == 4
    pictures = []
    for link in links:
        with urlopen(link) as reply:
            pictures.append(reply.read())
    assert len(set(pictures)) == 4
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)


def test_the_commands_of_keys_and_limits_say_what_is_shown(first_step: FirstStep) -> None:
    written, shown = re.findall(
        r"^```sh\n(torana users set .*?)^```\n.*?^```\n(.*?)^```", README, re.MULTILINE | re.DOTALL
    )[0]
    environ = {**os.environ, "PATH": f"{Path(TORANA).parent}:{os.environ['PATH']}"}
    ran = subprocess.run(
        ["bash", "-ec", written], cwd=first_step.directory, env=environ, capture_output=True, text=True, check=True
    )
    month = re.compile(r"\d{4}-\d{2}\.$", re.MULTILINE)
    assert month.sub("MONTH.", ran.stdout).endswith(month.sub("MONTH.", shown))
    (key,) = re.findall(r"^tor_\w+$", ran.stdout, re.MULTILINE)
    asked = ["curl", "-s", f"{first_step.url}/models", "-H", f"authorization: Bearer {key}"]
    wait_until(lambda: b"patchwork" in subprocess.run(asked, capture_output=True, check=True).stdout)
