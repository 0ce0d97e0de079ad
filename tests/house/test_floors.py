"""Imports go down the floors: never up, never sideways between rooms, never in a circle, never hidden."""

import ast
from graphlib import TopologicalSorter

import pytest

from tests.house.source import Module, edges, modules

# Each room and the rooms it may import. The list is the plan: a new arrow is a decision, made here.
FLOORS = {
    "core": set(),
    "engine": set(),
    "text": set(),
    "config": {"core"},
    "families": {"core"},
    "media": {"core"},
    "telemetry": {"core"},
    "upstream": {"core"},
    "storage": {"core"},
    "auth": {"config", "storage", "core"},
    "policy": {"config", "storage", "core"},
    "routing": {"config", "storage", "core"},
    "dialects": {"families", "config", "storage", "core"},
    "providers": {"dialects", "families", "media", "upstream", "config", "core"},
    "pipeline": {"auth", "policy", "routing", "providers", "families", "telemetry", "core"},
    "edge": {"pipeline", "families", "media", "telemetry", "storage", "config", "core"},
    "admin": {"auth", "policy", "routing", "pipeline", "families", "telemetry", "storage", "config", "core"},
    "jobs": {"telemetry", "storage", "config", "core"},
    "assembly": {"edge", "admin", "jobs", "pipeline", "providers", "auth", "policy", "routing", "dialects"}
    | {"config", "families", "media", "telemetry", "upstream", "storage", "core"},
    "cli": {"assembly", "config", "core"},
}
# The guests, and the one module that calls each.
GUESTS = {"torana.providers.local.work": "engine", "torana.providers.local_text.work": "text"}
HTTP_CLIENTS = {"aiohttp", "httpx", "requests", "urllib3", "http.client"}
PICTURE_LIBRARIES = {"PIL", "numpy", "numba"}
CLOCKS = {"time.time", "time.monotonic", "time.perf_counter", "datetime.datetime.now", "datetime.datetime.utcnow"}


def room_of(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


@pytest.mark.parametrize("module", [m for m in modules() if m.room], ids=lambda m: m.name)
def test_imports_go_down(module: Module) -> None:
    assert module.room in FLOORS, f"the room {module.room!r} is not in the plan"
    allowed = FLOORS[module.room] | {module.room, ""}
    if module.name in GUESTS:
        allowed |= {GUESTS[module.name]}
    wrong = {name for name in edges(module) if room_of(name) not in allowed}
    assert not wrong, f"{module.name} may import {sorted(allowed)}, not {sorted(wrong)}"


def test_no_cycles() -> None:
    graph = {module.name: edges(module) - {module.name.rpartition(".")[0]} for module in modules()}
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("module", modules(), ids=lambda m: m.name)
def test_no_hidden_imports_and_no_globals(module: Module) -> None:
    functions = [n for n in ast.walk(module.tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    hidden = [n for f in functions for n in ast.walk(f) if isinstance(n, ast.Import | ast.ImportFrom | ast.Global)]
    assert not hidden, f"{module.path}:{hidden[0].lineno}"


def top_level(module: Module) -> set[str]:
    return {name.split(".")[0] for name in module.imports}


def test_only_upstream_imports_an_http_client() -> None:
    assert {m.room for m in modules() if top_level(m) & HTTP_CLIENTS} <= {"upstream"}


def test_only_media_and_engine_decode_pictures() -> None:
    rooms = {(m.room, m.name) for m in modules() if top_level(m) & PICTURE_LIBRARIES}
    assert {name for room, name in rooms if room not in {"media", *GUESTS.values()}} <= GUESTS.keys()


def test_only_the_clock_tells_the_time() -> None:
    def calls(module: Module) -> set[str]:
        return {ast.unparse(node.func) for node in ast.walk(module.tree) if isinstance(node, ast.Call)}

    # The engine and the workers' processes know nothing of the house's clock, and tell no time either.
    assert {m.name for m in modules() if calls(m) & CLOCKS} <= {"torana.core.clock"}


def test_only_cli_knows_the_command_line() -> None:
    assert {m.room for m in modules() if top_level(m) & {"click", "rich"}} <= {"cli"}
