import msgspec

from torana.core.ledger import Charge, Closed, Opened

OPENED = Opened(
    "a", "request", 1.0, "anna", "user", "torana", "images", charges=(Charge("team", "user=anna", "2027-01"),)
)
CLOSED = Closed("a", 2.0, 200, tokens={"input": 3}, cost=5, charged=5)


def test_both_kinds_of_lines_come_back_as_they_were():
    decoder = msgspec.json.Decoder(Opened | Closed)
    for entry in (OPENED, CLOSED):
        assert decoder.decode(msgspec.json.encode(entry)) == entry


def test_what_says_nothing_takes_no_room():
    line = msgspec.json.encode(Closed("a", 2.0, 200))
    assert line == b'{"type":"closed","id":"a","at":2.0,"status":200}'


def test_shares_of_a_budget_are_counted_apart():
    assert OPENED.charges[0].key == "team user=anna 2027-01"
    for charge in (*OPENED.charges, Charge("team", "", "ever")):
        assert Charge.of(charge.key) == charge
    assert Charge("team", "", "2027-01").key != Charge("team", "user=anna", "2027-01").key
