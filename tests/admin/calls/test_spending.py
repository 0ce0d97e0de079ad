from collections.abc import Callable

from tests.admin.kit import House, row
from torana.core.ledger import Charge
from torana.storage.sql.change import Actor

FILE = "budgets: [{name: each, limit: 5, per: [user]}, {name: old, limit: 1, every: ever}]"


async def test_what_is_left(make: Callable[..., House]) -> None:
    house = make(FILE)
    house.desk.ledger.ship(
        [
            row(1, charges=(Charge("each", "user=anna", "2027-01"),)),
            row(2, charges=(Charge("each", "user=anna", "2027-01"),)),
            row(3, charges=(Charge("each", "user=ben", "2027-01"),), charged=6_000_000_001),
            row(4, charges=(Charge("each", "user=anna", "2026-12"),)),
        ]
    )
    answer = await house.ask("GET", "budgets/each/spend")
    ends = "2027-02-01T00:00:00Z"
    assert answer.json["data"] == [
        {
            "share": "user=anna", "period": "2027-01", "ends": ends, "spent": "2.5", "limit": "5", "remaining": "2.5",
        },
        {
            "share": "user=ben", "period": "2027-01", "ends": ends, "spent": "6.000000001", "limit": "5",
            "remaining": "-1.000000001",
        },
    ]  # fmt: skip
    earlier = (await house.ask("GET", "budgets/each/spend", period="2026-12")).json["data"]
    assert [(each["spent"], each["ends"]) for each in earlier] == [("1.25", None)]


async def test_in_pages(make: Callable[..., House]) -> None:
    house = make(FILE)
    house.desk.ledger.ship([row(n, charges=(Charge("each", f"user={n}", "2027-01"),)) for n in range(5)])
    first = (await house.ask("GET", "budgets/each/spend", limit="3")).json
    rest = (await house.ask("GET", "budgets/each/spend", limit="3", after=first["next"])).json
    assert [each["share"] for each in first["data"] + rest["data"]] == [f"user={n}" for n in range(5)]
    assert rest["next"] is None


async def test_of_nothing_and_of_nobody(make: Callable[..., House]) -> None:
    house = make(FILE)
    assert (await house.ask("GET", "budgets/old/spend")).json == {"data": [], "next": None}
    assert (await house.ask("GET", "budgets/none/spend")).problem == (404, "name", "There is no budget 'none'.")


async def test_a_budget_that_this_version_cannot_read(office: House) -> None:
    with office.desk.registers.change(Actor("local:root", "command line")) as change:
        change.put_rule("budget", {"name": "odd", "limit": 5, "moon": "full"})
    assert (await office.ask("GET", "budgets/odd/spend")).problem[:2] == (409, "name")
