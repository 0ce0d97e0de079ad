"""The source tree as the house tests see it: each module, its syntax tree, and what it imports of ours."""

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"


@dataclass(frozen=True)
class Module:
    """A file of the package."""

    name: str
    path: Path
    tree: ast.Module
    lines: int

    @property
    def room(self) -> str:
        """The folder it stands in, or its own name in the package's root."""
        return self.name.split(".")[1] if "." in self.name else ""

    @property
    def imports(self) -> set[str]:
        """Every module or name that it imports, wherever in the file."""
        found: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        return found


@cache
def modules() -> tuple[Module, ...]:
    """All of them."""
    found = []
    for path in sorted((SRC / "torana").rglob("*.py")):
        parts = path.relative_to(SRC).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        text = path.read_text()
        found.append(Module(name, path, ast.parse(text), text.count("\n")))
    return tuple(found)


def edges(module: Module) -> set[str]:
    """The modules of ours that a module imports."""
    names = {other.name for other in modules()}
    return {name for name in module.imports if name in names and name != module.name}
