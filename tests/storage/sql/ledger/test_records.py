from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.storage.sql.calls import MONTH, call
from torana.core.ledger import Charge
from torana.storage.sql.ledger.records import LONGEST, MOST, columns, fitted, row, text
from torana.storage.sql.tables import ledger

FULL = call(
    "1",
    charged=5,
    request_id="r",
    model="draw",
    key="k",
    teams=("web", "design"),
    metadata={"project": "x"},
    charges=(MONTH, Charge("each", "user=anna", "ever")),
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
    values = columns(FULL)
    assert values.keys() == set(ledger.c.keys())
    assert (values["started"], values["ended"]) == (FULL.opened.at, FULL.closed.at)
    assert row(values) == FULL


def test_what_fits_stays_as_it_is():
    assert fitted(FULL) == FULL


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
