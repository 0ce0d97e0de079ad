"""The same API over PostgreSQL: one walk through all that it keeps."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.admin.kit import House, house, row
from tests.storage.sql.servers import postgresql
from torana.config.model import Settings
from torana.core.ledger import Charge
from torana.storage.sql.database import Database
from torana.storage.sql.schema import prepare


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[House]:
    with postgresql() as server, closing(Database(server.create("admin"))) as database:
        prepare(database)
        yield house(database, Settings())


async def test_one_walk_through_everything(elsewhere: House) -> None:
    ask = elsewhere.ask
    await ask("PUT", "teams/design")
    await ask("PUT", "users/ou=a/cn=ü", {"teams": ["design"], "roles": ["auditor"]})
    key = (await ask("POST", "keys", {"owner": "user:ou=a/cn=ü", "models": ["house"]})).json
    assert (await ask("POST", f"keys/{key['id']}/rotate")).status == 201
    assert (await ask("GET", "teams/design")).json["members"] == ["user:ou=a/cn=ü"]
    assert (await ask("PUT", "budgets/mine", {"limit": "2.5", "per": ["user"]})).status == 200
    elsewhere.desk.ledger.ship([row(n, charges=(Charge("mine", "user=anna", "2027-01"),)) for n in range(3)])
    (spent,) = (await ask("GET", "budgets/mine/spend")).json["data"]
    assert (spent["spent"], spent["remaining"]) == ("3.75", "-1.25")
    (line,) = (await ask("GET", "usage", by="day,metadata.project,team")).json["data"]
    assert (line["group"], line["cost"]) == (
        {"day": "2027-01-15", "metadata.project": "blue", "team": "design"}, "3.75",
    )  # fmt: skip
    page = (await ask("GET", "ledger", limit="2")).json
    assert len((await ask("GET", "ledger", limit="2", after=page["next"])).json["data"]) == 1
    explained = (await ask("GET", "explain", subject="user:anna", model="house")).json
    assert (explained["verdict"], [rule["name"] for rule in explained["rules"]]) == ("refused", ["mine"])
    assert (await ask("DELETE", "users/ou=a/cn=ü")).json["keys_revoked"] == 2
    assert [each["action"] for each in (await ask("GET", "audit", limit="3")).json["data"]] == [
        "delete", "revoke", "revoke",
    ]  # fmt: skip


async def test_nothing_that_postgresql_could_choke_on(elsewhere: House) -> None:
    for path, body in (("teams/a", {"description": "a\x00b"}), ("teams/a\x00b", {}), ("users/\x00", {})):
        assert (await elsewhere.ask("PUT", path, body)).status == 400
    assert (await elsewhere.ask("GET", "audit", after=str(2**63 + 1))).status == 400
    assert (await elsewhere.ask("GET", "ledger", key="'; DROP TABLE keys --")).json["data"] == []
