import pytest

from torana.upstream.resolving import Address, PublicResolver, SystemResolver


async def test_the_system_knows_localhost():
    found = await SystemResolver().resolve("localhost", 80)
    assert {address.host for address in found} <= {"127.0.0.1", "::1"}
    assert {address.port for address in found} == {80}


class Names:
    async def resolve(self, host, port):
        return [Address("10.0.0.1", port), Address("8.8.8.8", port)] if host == "both" else [Address("::1", port)]


async def test_public_addresses_alone():
    assert await PublicResolver(Names()).resolve("both", 1) == (Address("8.8.8.8", 1),)
    with pytest.raises(OSError, match="closed has no public address"):
        await PublicResolver(Names()).resolve("closed", 1)
