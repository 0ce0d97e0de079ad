from collections.abc import Callable

import pytest

from tests.admin.kit import House, row
from torana.core.ledger import Charge

FILE = """
limits: [{name: busy, of: requests, limit: 5}]
budgets: [{name: busy, limit: 5}]
"""


async def test_a_call_that_was_let_in(office: House) -> None:
    office.desk.ledger.ship([row(1, key="tor_a")])
    answer = (await office.ask("GET", "explain", request_id="req_1")).json
    assert (answer["verdict"], answer["rules"], len(answer["calls"])) == ("admitted", [], 1)
    assert answer["sentences"] == [
        "user:anna asked for images.variations with the model 'house' at 2027-01-15 08:00:01 UTC, with the key tor_a.",
        "It was let in and answered by lab/one.",
        "It used 2 images, 7 tokens, and cost $1.25. $1.25 was charged to all.",
    ]


@pytest.mark.parametrize(("error", "kind"), [("rate_limit_exceeded", "limit"), ("insufficient_quota", "budget")])
async def test_a_call_that_a_rule_refused(make: Callable[..., House], error: str, kind: str) -> None:
    house = make(FILE)
    refused = {"status": 429, "error": error, "rule": "busy", "target": None, "images": None, "tokens": {}}
    house.desk.ledger.ship([row(1, **refused, cost=0, charged=0, charges=())])
    answer = (await house.ask("GET", "explain", request_id="req_1")).json
    assert answer["verdict"] == "refused"
    told = f"It was refused with status 429 ({error}) by the {kind} 'busy', kept in the configuration file."
    assert answer["sentences"][1:] == [told, "It used 0 tokens, and cost $0."]
    (rule,) = answer["rules"]
    assert rule == (await house.ask("GET", f"{kind}s/busy")).json


async def test_a_rule_that_is_there_no_more(office: House) -> None:
    office.desk.ledger.ship([row(1, status=429, error="rate_limit_exceeded", rule="gone", target=None)])
    answer = (await office.ask("GET", "explain", request_id="req_1")).json
    assert "by the rule 'gone', which is there no more." in answer["sentences"][1]
    assert answer["rules"] == []


async def test_a_call_that_failed_by_itself(office: House) -> None:
    office.desk.ledger.ship([row(1, status=502, error="upstream_error", cost=None)])
    answer = (await office.ask("GET", "explain", request_id="req_1")).json
    assert answer["verdict"] == "admitted"
    assert answer["sentences"][1] == "It failed at lab/one with status 502 (upstream_error), by no rule."
    assert "cost nobody knows how much" in answer["sentences"][2]


async def test_all_calls_of_one_request_id(office: House) -> None:
    charges = (Charge("all", "", "2027-01"),)
    office.desk.ledger.ship([row(1, request_id="same", charges=charges), row(2, request_id="same", charges=charges)])
    assert len((await office.ask("GET", "explain", request_id="same")).json["calls"]) == 2


@pytest.mark.parametrize(
    ("wanted", "status", "field"),
    [
        ({"request_id": "nope"}, 404, "request_id"),
        ({}, 400, "request_id"),
        ({"subject": "user:anna"}, 400, "request_id"),
        ({"subject": "anna", "model": "house"}, 400, "subject"),
        ({"subject": "user:anna", "model": "house", "metadata": "[1]"}, 400, "metadata"),
        ({"subject": "user:anna", "model": "house", "key": "tor_x"}, 404, "key"),
    ],
)
async def test_mistakes(office: House, wanted: dict[str, str], status: int, field: str) -> None:
    assert (await office.ask("GET", "explain", **wanted)).problem[:2] == (status, field)
