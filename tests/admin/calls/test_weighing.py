from collections.abc import Callable
from typing import Any

from tests.admin.kit import House, row
from torana.core.ledger import Charge

FILE = """
access:
  default: granted
  grants:
    - {name: draw, to: ['team:design'], models: [house], operations: ['images.v*']}
    - {name: lab, to: [everyone], accounts: [elsewhere]}
limits:
  - {name: drawing, of: images, limit: 2000, every: 1m, per: [user], when: {teams: [design]}}
  - {name: robots, of: concurrent, limit: 2, when: {service_accounts: ['*']}}
budgets:
  - {name: mine, limit: 5, per: [user], when: {metadata: {project: blue}}}
  - {name: pool, limit: 9, mode: soft}
"""


async def explained(house: House, **given: str) -> tuple[str, list[str], list[str]]:
    asked = {"subject": "user:anna", "model": "house", **given}
    answer: dict[str, Any] = (await house.ask("GET", "explain", **asked)).json
    return answer["verdict"], answer["sentences"], [rule["name"] for rule in answer["rules"]]


async def designer(house: House) -> None:
    await house.ask("PUT", "teams/design")
    await house.ask("PUT", "users/anna", {"teams": ["design"]})


async def test_all_that_counts_for_a_call(make: Callable[..., House]) -> None:
    house = make(FILE)
    await designer(house)
    house.desk.ledger.ship([row(1, charges=(Charge("mine", "user=anna", "2027-01"),))])
    verdict, sentences, rules = await explained(house, metadata='{"project": "blue"}')
    assert (verdict, rules) == ("admitted", ["draw", "drawing", "mine", "pool"])
    assert sentences == [
        "user:anna is in the team design.",
        "The grant 'draw' allows it.",
        "The limit 'drawing' counts it: 2,000 images every 1m for each user.",
        "The budget 'mine' of user=anna has $3.75 of $5 left in 2027-01.",
        "The budget 'pool' has $9 of $9 left in 2027-01.",
    ]


async def test_no_grant(make: Callable[..., House]) -> None:
    house = make(FILE)
    await designer(house)
    for given in ({"operation": "images.edits"}, {"model": "lab/two"}):
        verdict, sentences, _ = await explained(house, **given)
        assert verdict == "refused"
        assert "No grant allows it, and `access.default` is `granted`." in sentences


async def test_a_hard_budget_that_is_spent_refuses_and_a_soft_one_does_not(make: Callable[..., House]) -> None:
    house = make(FILE.replace("default: granted", "default: all"))
    await designer(house)
    spent = (Charge("mine", "user=anna", "2027-01"), Charge("pool", "", "2027-01"))
    house.desk.ledger.ship([row(1, charges=spent, charged=9_000_000_000)])
    assert (await explained(house))[0] == "admitted"
    verdict, sentences, _ = await explained(house, metadata='{"project": "blue"}')
    assert verdict == "refused"
    assert "The budget 'mine' of user=anna has $-4 of $5 left in 2027-01." in sentences


async def test_a_model_that_is_not_there(office: House) -> None:
    assert (await explained(office, model="none"))[:2] == (
        "refused",
        [
            "user:anna has no entry here: what his token says of teams and models is not known.",
            "The model 'none' does not exist here.",
        ],
    )
    verdict, sentences, _ = await explained(office, operation="images.generations")
    assert (verdict, sentences[-1]) == ("refused", "The model 'house' cannot do images.generations.")


async def test_somebody_who_is_shut_out_and_a_key_that_ended(office: House) -> None:
    await office.ask("PUT", "users/anna")
    narrow = (await office.ask("POST", "keys", {"owner": "user:anna", "models": ["lab/*"]})).json["id"]
    verdict, sentences, _ = await explained(office, key=narrow)
    assert verdict == "refused"
    assert sentences[1:3] == [f"The key {narrow} is good.", "The key does not allow the model 'house'."]
    assert (await explained(office, key=narrow, model="lab/one"))[0] == "admitted"
    await office.ask("POST", f"keys/{narrow}/revoke")
    verdict, sentences, _ = await explained(office, key=narrow, model="lab/one")
    assert (verdict, sentences[1]) == ("refused", f"The key {narrow} is revoked or has expired.")
    await office.ask("PUT", "users/anna", {"disabled": True})
    verdict, sentences, _ = await explained(office)
    assert (verdict, sentences[0]) == ("refused", "user:anna is disabled.")
