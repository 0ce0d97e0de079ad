"""Size is held: files, functions, parameters, nesting, folders, the root."""

import ast
from collections import Counter
from statistics import median
from subprocess import run

import pytest

from tests.house.source import ROOT, SRC, Module, modules

FILE, FUNCTION, PARAMETERS, NESTING, FOLDER, ROOT_ENTRIES = 400, 50, 6, 3, 12, 18
CROWDED = {"torana.providers"}  # one file for each vendor, however many there are
BROAD = {"Exception", "BaseException"}
Function = ast.FunctionDef | ast.AsyncFunctionDef
BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match)


def functions(module: Module) -> list[Function]:
    return [node for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def length(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def depth(node: ast.AST) -> int:
    below = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        deeper = isinstance(child, BLOCKS) and not _is_elif(node, child)
        below = max(below, depth(child) + deeper)
    return below


def _is_elif(parent: ast.AST, child: ast.AST) -> bool:
    return isinstance(parent, ast.If) and isinstance(child, ast.If) and child in parent.orelse


@pytest.mark.parametrize("module", modules(), ids=lambda m: m.name)
def test_files_and_functions_are_small(module: Module) -> None:
    assert module.lines <= FILE
    for function in functions(module):
        where = f"{module.name}.{function.name}"
        args = function.args
        named = [a for a in (*args.posonlyargs, *args.args, *args.kwonlyargs) if a.arg not in {"self", "cls"}]
        assert length(function) <= FUNCTION, where
        assert len(named) <= PARAMETERS, where
        assert depth(function) <= NESTING, where


def test_functions_are_mostly_very_small() -> None:
    assert median(length(f) for m in modules() for f in functions(m)) <= 10


def test_folders_are_small() -> None:
    counts = Counter(".".join(module.path.relative_to(SRC).parent.parts) for module in modules())
    assert {folder: count for folder, count in counts.items() if count > FOLDER and folder not in CROWDED} == {}


def test_root_is_small() -> None:
    listed = run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
    entries = {line.split("/")[0] for line in listed.stdout.splitlines()}
    assert len(entries) <= ROOT_ENTRIES, sorted(entries)


def test_broad_excepts_are_rare() -> None:
    lines = sum(module.lines for module in modules())
    handlers = [n for m in modules() for n in ast.walk(m.tree) if isinstance(n, ast.ExceptHandler)]
    broad = [h for h in handlers if h.type is None or ast.unparse(h.type) in BROAD]
    assert len(broad) <= max(1, lines // 1000)
