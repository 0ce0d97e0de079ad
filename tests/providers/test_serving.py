import pytest

from torana.providers.serving import SERVERS, Server, declaration


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.type)
def test_a_server_needs_an_address_and_no_key(server: Server) -> None:
    declared = declaration(server)
    assert declared.needs == {"base_url"}
    assert "api_key" in declared.takes
    assert declared.spoken("any")
    assert declared.type not in declared.aliases
