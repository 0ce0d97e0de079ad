import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.admin.kit import database_in, house, served
from torana.assembly.office.asking import Request
from torana.assembly.office.remote import remote_office
from torana.config.model import Settings
from torana.core.errors import InvalidRequest, UpstreamUnreachable
from torana.storage.sql.schema import prepare


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with closing(database_in(tmp_path)) as database:
        prepare(database)
        with served(house(database, Settings()).admin) as url:
            yield url


async def ask(url: str, request: Request, key: str = "mia") -> tuple[int, dict[str, object]]:
    pieces: list[tuple[int, bytes]] = []
    async with remote_office(url, key) as office:
        await office.ask(request, lambda *piece: pieces.append(piece))
    (status,) = {status for status, _ in pieces}
    return status, json.loads(b"".join(piece for _, piece in pieces))


async def test_a_key_goes_along(url: str) -> None:
    # The API of these tests takes the first word for a name and the rest for a role: `Bearer operator`.
    status, told = await ask(url, Request("GET", ("whoami",)), "operator")
    assert (status, told["name"], told["role"], told["origin"]) == (200, "user:Bearer", "operator", "127.0.0.1")


async def test_names_and_bodies_arrive_as_they_are(url: str) -> None:
    name = "ou=a/cn=b ü?#"
    status, told = await ask(url, Request("PUT", ("users", name), body=b'{"disabled": true}'), "operator")
    assert (status, told["name"], told["disabled"]) == (200, name, True)


async def test_what_is_refused_arrives_too(url: str) -> None:
    status, told = await ask(url, Request("GET", ("users",), {"limit": "0"}), "admin")
    assert (status, told["error"]["param"]) == (400, "limit")  # type: ignore[index]  # an error's members


async def test_nobody_there() -> None:
    with pytest.raises(UpstreamUnreachable):
        await ask("http://127.0.0.1:1", Request("GET", ("whoami",)))


@pytest.mark.parametrize(
    ("url", "key"), [("ftp://a", "k"), ("http://u:p@a", "k"), ("http://a", "k\n"), ("http://a", "ü")]
)
async def test_what_is_no_address_and_no_key(url: str, key: str) -> None:
    with pytest.raises(InvalidRequest):
        await ask(url, Request("GET", ("whoami",)), key)
