"""Names: a module says what it is about, a test stands beside its source, a provider is named in one place."""

import ast
from pathlib import Path

import pytest

from tests.house.source import ROOT, SRC, Module, modules
from torana.providers.base import declarations

FORBIDDEN = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "base_v2"}
# Modules that only declare values, and are tried by the tests of what uses them. This list may only shrink.
WITHOUT_NAMESAKE = {"torana.core.content", "torana.core.exchange"}

# Types of providers that are nobody's name; ``echo`` is a field of OpenAI's legacy completions as well.
GENERIC = {"echo", "local", "local-text", "openai-compatible"}


@pytest.mark.parametrize("module", modules(), ids=lambda m: m.name)
def test_module_is_named_and_introduced(module: Module) -> None:
    stem = module.name.rpartition(".")[2]
    assert stem not in FORBIDDEN
    assert not stem.endswith(("_v2", "_v3", "_legacy", "_deprecated", "_backup", "_new", "_old"))
    docstring = module.tree.body[0]
    assert docstring.value.value.strip(), f"{module.name} opens with no sentence"  # type: ignore[attr-defined]


@pytest.mark.parametrize("module", [m for m in modules() if m.path.name != "__init__.py"], ids=lambda m: m.name)
def test_tests_mirror_the_source(module: Module) -> None:
    inside = module.path.relative_to(SRC / "torana")
    namesake = ROOT / "tests" / inside.parent / f"test_{inside.name}"
    assert namesake.exists() != (module.name in WITHOUT_NAMESAKE), f"{namesake} does not tell of {module.name}"


def test_no_test_is_orphaned() -> None:
    mirrored = {p for room in modules() for p in [room.path.relative_to(SRC / "torana").parent] if str(p) != "."}
    for test in (ROOT / "tests").rglob("test_*.py"):
        inside = test.relative_to(ROOT / "tests")
        if inside.parent in mirrored:
            # A module whose tests fill two files has test_<module>.py and test_<module>_<what>.py.
            words = inside.stem.removeprefix("test_").split("_")
            stems = ["_".join(words[:count]) for count in range(len(words), 0, -1)]
            sources = [SRC / "torana" / inside.parent / stem for stem in stems]
            found = [source for source in sources if source.with_suffix(".py").exists() or source.is_dir()]
            assert found, f"{inside} tells of a module that is not there"


@pytest.mark.parametrize("module", [m for m in modules() if m.room != "providers"], ids=lambda m: m.name)
def test_providers_are_named_in_one_place(module: Module) -> None:
    names = {spelt for name in declarations() for spelt in (name, name.replace("-", "_"))} - GENERIC
    texts = {node.value for node in ast.walk(module.tree) if isinstance(node, ast.Constant)}
    assert not names & texts, module.name


def test_no_registry_and_no_machine_in_the_files() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text()
        assert "://" not in text
        assert "--hash=sha256:" in text


def test_examples_name_their_licence() -> None:
    photos = {p.name for p in Path(ROOT / "examples" / "photos").glob("*.jpg")}
    told = (ROOT / "examples" / "photos" / "LICENCES.md").read_text()
    assert photos
    assert not [name for name in photos if name not in told]
