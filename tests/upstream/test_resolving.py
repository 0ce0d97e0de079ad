import pytest

from torana.upstream.resolving import Address, PublicResolver, RememberingResolver, SystemResolver


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


async def test_what_was_found_is_remembered_for_a_while():
    now, asked = 0.0, []

    class Noting:
        async def resolve(self, host, port):
            asked.append(host)
            if host == "nowhere":
                raise OSError
            return [Address("8.8.8.8", port)]

    resolver = RememberingResolver(Noting(), lambda: now)
    for _ in range(2):
        assert await resolver.resolve("one", 80) == [Address("8.8.8.8", 80)]
        with pytest.raises(OSError):
            await resolver.resolve("nowhere", 80)
    assert asked == ["one", "nowhere", "nowhere"]
    assert await resolver.resolve("one", 443) == [Address("8.8.8.8", 443)]
    now = 10.0
    await resolver.resolve("one", 80)
    assert asked[3:] == ["one", "one"]
    for number in range(2000):
        await resolver.resolve(str(number), 80)
    await resolver.resolve("one", 80)
    assert asked[-1] == "one"
