import json
from decimal import Decimal

import pytest

from torana.core.clock import FakeClock
from torana.core.exchange import Answer, Reply, Target, Usage
from torana.edge.headers.told import Told, listed, visible
from torana.telemetry.record import Record

TARGET = Target("lab", "redux")


@pytest.fixture
def record():
    return Record(FakeClock(), "req_1", "POST", "/")


def answered(**members):
    return Answer(None, Reply("body", **members), TARGET)


def test_what_there_is_nothing_to_tell_of_is_left_out(record):
    assert Told().begun(TARGET, record, emulated=(), ignored=()) == [("x-torana-model", "lab/redux")]
    assert dict(Told().whole(answered(), record, ignored=())) == {
        "x-torana-model": "lab/redux",
        "x-torana-cost": "unknown",
    }


def test_all_that_is_known_of_an_answer_is_told(record):
    record.cache = "miss"
    reply = answered(emulated=("a", "b"), ignored=("d",), shortfall=2, usage=Usage(cost=Decimal("1E-7")))
    assert dict(Told().whole(reply, record, ignored=("c", "d"))) == {
        "x-torana-model": "lab/redux",
        "x-torana-emulated": "a, b",
        "x-torana-ignored": "c, d",
        "x-torana-cache": "miss",
        "x-torana-shortfall": "2",
        "x-torana-cost": "0.0000001",
    }


def test_a_replayed_answer_says_so(record):
    replayed = Answer(None, Reply("body"), TARGET, replayed=True)
    assert ("x-torana-replayed", "true") in Told().whole(replayed, record, ignored=())


def test_clients_of_the_contracts_gateway_find_what_they_look_for(record):
    record.cache = "hit"
    record.attempts = [("lab/a", "upstream_error"), ("lab/b", "x"), ("lab/a", "upstream_error")]
    told = Told("both").begun(TARGET, record, emulated=(), ignored=())
    theirs = {name: value for name, value in told if name.startswith("x-tfy-")}
    applied = {"resolved_model": "lab/redux", "routing_model_order": ["lab/a", "lab/b", "lab/redux"]}
    assert json.loads(theirs.pop("x-tfy-applied-configurations")) == applied
    assert json.loads(theirs.pop("x-tfy-applied-rules")) == applied
    assert theirs == {"x-tfy-resolved-model": "lab/redux", "x-tfy-cache-status": "hit"}
    ours = [pair for pair in told if not pair[0].startswith("x-tfy-")]
    assert ours == Told().begun(TARGET, record, emulated=(), ignored=())


def test_no_name_can_end_a_header(record):
    record.attempts = [("lab/a\r\nx: y", "x")]
    for name, value in Told("both").begun(Target("лаб", "m\n"), record, emulated=(), ignored=("é\r\n",)):
        assert value.isascii(), name
        assert value.isprintable(), name


def test_names_that_clients_made_up_are_bounded():
    assert listed(["a", "a", "b c"]) == "a, b?c"
    assert listed([f"{'x' * 100}{number}" for number in range(40)]).count(",") == 15
    assert visible("a b\x00~") == "a?b?~"
