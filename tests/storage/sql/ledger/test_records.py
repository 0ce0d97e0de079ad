import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple, replace

from tests.storage.sql.calls import MONTH, call
from torana.core.ledger import Charge
from torana.storage.sql.ledger.records import LONGEST, MOST, columns, fits, fitted, row, text, values
from torana.storage.sql.tables import ledger

CHARGES = (MONTH, Charge("each", "user=anna", "ever"))
FULL = call(
    "1",
    charged=5,
    request_id="r",
    model="draw",
    key="k",
    teams=("web", "design"),
    metadata={"project": "x"},
    charges=CHARGES,
    reserved=9,
    status=502,
    error="upstream_error",
    rule="r",
    target="openai/dall-e",
    images=2,
    tokens={"input": 3},
    cost=7,
    price="list 2027-01-01",
    replayed=True,
)


def test_a_row_comes_back_from_its_columns():
    named = columns(FULL)
    assert named.keys() == set(ledger.c.keys())
    assert (named["started"], named["ended"]) == (FULL.opened.at, FULL.closed.at)
    assert row(named) == FULL


def test_values_are_the_same_in_the_order_of_the_table():
    named = dict(zip(ledger.c.keys(), values(FULL), strict=True))
    for name in ("teams", "metadata", "tokens", "charges"):
        named[name] = json.loads(str(named[name]))
    assert named == {
        **columns(FULL),
        "teams": ["web", "design"],
        "charges": [list(astuple(charge)) for charge in CHARGES],
    }


def test_what_fits_stays_as_it_is():
    assert fits(FULL)
    assert fitted(FULL) == FULL


@pytest.mark.parametrize(
    "changes",
    [
        {"at": float("nan")}, {"at": float("inf")}, {"at": -1.0}, {"subject": "x\0"}, {"subject": "\ud800"},
        {"model": "x" * (LONGEST + 1)}, {"model": "ü" * (LONGEST // 2 + 1)}, {"teams": ("a", "b\0")},
        {"metadata": {"a\0": "b"}}, {"metadata": {"a": "b\0"}}, {"reserved": MOST + 1}, {"reserved": -1},
        {"charges": (Charge("b" * (LONGEST // 2 + 1), "", "ever"),)},
    ],
)  # fmt: skip
def test_how_a_call_began_may_not_fit(changes):
    odd = replace(FULL, opened=replace(FULL.opened, **changes))
    assert fitted(odd) != odd
    assert not fits(odd)


@pytest.mark.parametrize(
    "changes",
    [
        {"at": float("nan")}, {"status": 2**31}, {"status": -1}, {"error": "\0"}, {"images": -1}, {"images": 2**31},
        {"tokens": {"a": -1, "b": 1}}, {"tokens": {"a": 1, "b": MOST + 1}}, {"tokens": {"\0": 1}},
        {"cost": -1}, {"cost": MOST + 1}, {"price": "\0"}, {"charged": -1}, {"charged": MOST + 1},
    ],
)  # fmt: skip
def test_how_it_ended_may_not_fit(changes):
    odd = replace(FULL, closed=replace(FULL.closed, **changes))
    assert fitted(odd) != odd
    assert not fits(odd)


@given(st.text(st.characters(exclude_categories=[]), max_size=8).map(lambda part: part * 60), st.integers(-2, 2**70))
def test_what_is_said_to_fit_needs_no_mending(written, number):
    changes = {"metadata": {"a": written}, "charges": (Charge(written, "", "ever"),), "reserved": number}
    odd = replace(FULL, opened=replace(FULL.opened, **changes))
    assert not fits(odd) or fitted(odd) == odd


def test_what_does_not_fit_is_mended():
    opened = replace(FULL.opened, at=float("nan"), metadata={"a\0": "\ud800b"}, model="x\0", reserved=2**70)
    closed = replace(FULL.closed, status=2**40, images=-1, tokens={"input": 2**64}, cost=-5, at=1e300)
    mended = fitted(replace(FULL, opened=opened, closed=closed))
    assert (mended.opened.at, mended.opened.reserved) == (0.0, MOST)
    assert mended.opened.metadata == {"a\ufffd": "\ufffdb"}
    assert mended.opened.model == "x\ufffd"
    assert (mended.closed.status, mended.closed.images, mended.closed.cost) == (2**31 - 1, 0, 0)
    assert mended.closed.tokens == {"input": MOST}
    assert mended.closed.at < 1e12


def test_long_texts_are_cut_and_stay_different():
    one, other = text("x" * 5000 + "1"), text("x" * 5000 + "2")
    assert len(one) == len(other) == LONGEST
    assert one != other
    assert text("x" * LONGEST) == "x" * LONGEST


@given(st.text(st.characters(exclude_categories=[]), max_size=50).map(lambda part: part * 60))
def test_any_text_fits(written):
    mended = text(written)
    assert len(mended.encode()) <= LONGEST
    assert "\0" not in mended
    assert text(mended) == mended
