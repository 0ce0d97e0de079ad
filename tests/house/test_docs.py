"""The docs hold: links lead somewhere, examples are what the code takes, generated pages are fresh."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.house.source import ROOT
from torana.assembly.settings import load
from torana.cli.main import torana
from torana.providers.base import Declaration, declarations

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert not [link for link in links if not (page.parent / link).exists()]


@pytest.mark.parametrize("written", blocks("yaml"), ids=range(len(blocks("yaml"))))
def test_the_configurations_of_the_readme_are_sound(written: str, tmp_path: Path) -> None:
    file = tmp_path / "torana.yaml"
    file.write_text(written)
    load(file)


def test_the_commands_of_the_readme_exist() -> None:
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("torana ")]
    assert lines
    for line in lines:
        command: click.Command = torana
        words = shlex.split(line, comments=True)[1:]
        while isinstance(command, click.Group):
            found = command.get_command(click.Context(command), words.pop(0))
            assert found is not None, line
            command = found
        command.make_context(line, words)


def test_the_make_targets_of_the_readme_exist() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"make ([a-z-]+)", "\n".join(blocks("sh"))))
    assert named
    assert named <= targets


def test_generated_pages_are_fresh() -> None:
    checked = subprocess.run(
        [sys.executable, ROOT / "docs" / "generate.py", "--check"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("declared", declarations().values(), ids=lambda declared: declared.type)
def test_every_model_can_be_told_of(declared: Declaration) -> None:
    canvases = {model: ability.canvas for model, ability in declared.abilities.items()}
    assert not [model for model, canvas in canvases.items() if type(canvas).__str__ is object.__str__]


def test_every_generated_page_is_linked() -> None:
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert not [page for page in pages if f"docs/{page}" not in README]
