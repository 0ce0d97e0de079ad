import asyncio

import pytest
import uvloop

from tests.edge.gate import gate

BOTH = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def pytest_asyncio_loop_factories(config, item):
    """Where it matters how a connection ends, both loops: they differ in when they read and how they close."""
    return BOTH if item.path.stem == "test_exchange" else {"asyncio": BOTH["asyncio"]}


@pytest.fixture
async def door(tmp_path):
    """A gateway with the settings that one gets by saying nothing."""
    async with gate(tmp_path) as opened:
        yield opened
