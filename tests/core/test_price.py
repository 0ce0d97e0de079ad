from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.core.price import TOKENS, Consumed, Price
from torana.families.language.saying import Tokens

MONEY = st.decimals(min_value=0, max_value=100, places=6)
COUNTS = st.integers(min_value=0, max_value=10_000)


def price(**parts: object) -> Price:
    return msgspec.convert({"dated": "2026-11-01", "source": "https://lab.example/prices", **parts}, Price)


@pytest.mark.parametrize(
    ("parts", "consumed", "dollars"),
    [
        ({"per_request": "0.01"}, Consumed(), "0.01"),
        ({"per_request": "0.01"}, Consumed(requests=4, images=9), "0.04"),
        ({"per_image": "0.04"}, Consumed(images=3), "0.12"),
        ({"per_image": "0.04"}, Consumed(images=0), "0"),
        ({"per_megapixel": "0.025"}, Consumed(images=2, pixels=2_000_000), "0.05"),
        ({"per_megapixel": "0.025"}, Consumed(pixels=1_048_576), "0.0262144"),
        ({"by_kind": {"1K": "0.1", "2K": "0.2"}}, Consumed(images=2, kind="2K"), "0.4"),
        ({"per_million_tokens": {"text_in": 5, "image_out": 40}}, Consumed(tokens={"image_out": 1056}), "0.04224"),
        (
            {"per_million_tokens": {"text_in": 5, "image_out": 40}},
            Consumed(tokens={"text_in": 100, "image_out": 1000}),
            "0.0405",
        ),
        ({"per_request": "0.01", "per_image": "0.04"}, Consumed(images=2), "0.09"),
        ({"per_million_characters": "15"}, Consumed(characters=40), "0.0006"),
        ({"per_million_characters": "15"}, Consumed(characters=0), "0"),
        ({"per_minute": "0.006"}, Consumed(seconds=Decimal("90.5")), "0.00905"),
        ({"per_minute": "0.0043"}, Consumed(seconds=Decimal(11)), "0.000788333333"),
        ({"per_minute": "0.006", "per_request": "1"}, Consumed(seconds=Decimal(0)), "1"),
        ({"per_image": "0"}, Consumed(images=2), "0"),
        (
            {"per_million_tokens": {"text_in": 1, "text_out": 4}},
            Consumed(tokens={"text_in": 1, "cached_in": 2, "text_out": 3, "reasoning_out": 5}),
            "0.000035",
        ),
        (
            {"per_million_tokens": {"text_in": 2, "cached_in": 1}},
            Consumed(tokens={"text_in": 1, "cached_in": 2}),
            "0.000004",
        ),
    ],
)
def test_what_the_consumed_comes_to(parts, consumed, dollars):
    assert price(**parts).of(consumed) == Decimal(dollars)


@pytest.mark.parametrize(
    ("parts", "consumed"),
    [
        ({}, Consumed(images=1)),
        ({"per_million_characters": "15"}, Consumed(images=1)),
        ({"per_minute": "0.006", "per_request": "1"}, Consumed()),
        ({"by_kind": {"1K": "0.1"}}, Consumed(images=1, kind="8K")),
        ({"by_kind": {"1K": "0.1"}}, Consumed(images=1)),
        ({"per_million_tokens": {"text_in": 5}}, Consumed(images=1)),
        ({"per_million_tokens": {"text_in": 5}}, Consumed(tokens={"text_in": 9, "cache_write_in": 1})),
        ({"per_million_tokens": {"text_in": 5}}, Consumed(tokens={"text_in": 9, "image_out": 9})),
        ({"per_image": "0.04", "by_kind": {"1K": "0.1"}}, Consumed(images=1, kind="8K")),
        ({"per_request": "0.01", "per_million_tokens": {"text_in": 5}}, Consumed()),
    ],
)
def test_what_cannot_be_told_is_unknown_and_not_nothing(parts, consumed):
    assert price(**parts).of(consumed) is None


@pytest.mark.parametrize("parts", [{}, {"per_image": "0.04"}, {"by_kind": {"1K": "1"}}])
@pytest.mark.parametrize("charged", ["0", "0.07"])
def test_what_the_upstream_says_it_charged_goes_before_the_price(parts, charged):
    assert price(**parts).of(Consumed(images=5, charged=Decimal(charged))) == Decimal(charged)


@given(MONEY, MONEY, COUNTS, COUNTS)
def test_parts_add_up_exactly(per_request, per_image, requests, images):
    both = price(per_request=str(per_request), per_image=str(per_image))
    consumed = Consumed(requests=requests, images=images)
    assert both.of(consumed) == per_request * requests + per_image * images


@given(MONEY, COUNTS, COUNTS)
def test_what_is_consumed_in_two_calls_costs_as_much_as_in_one(per_image, first, second):
    each = price(per_image=str(per_image))
    apart = [each.of(Consumed(images=images)) for images in (first, second)]
    assert None not in apart
    assert each.of(Consumed(images=first + second)) == sum(part for part in apart if part is not None)


def test_an_amount_is_exact_as_it_was_written():
    assert price(per_image="0.1").of(Consumed(images=3)) == Decimal("0.3")
    assert price(per_image=0.1).of(Consumed(images=3)) == Decimal("0.3")


@pytest.mark.parametrize(
    "dated", ["", "2026", "1.11.2026", "2026-11-1", "2026-11-01\n", "2026-11-01T00:00", "2026-13-45"]
)
def test_a_price_has_a_day(dated):
    with pytest.raises(msgspec.ValidationError):
        price(dated=dated)


@pytest.mark.parametrize("wrong", [{"source": ""}, {"per_image": "free"}, {"by_kind": {"1K": None}}, {"per_step": "1"}])
def test_no_such_price(wrong):
    with pytest.raises(msgspec.ValidationError):
        price(**wrong)


@pytest.mark.parametrize("wrong", [{"per_image": "-0.01"}, {"per_request": "NaN"}, {"by_kind": {"1K": "-1"}}])
def test_nobody_is_paid_for_calling(wrong):
    with pytest.raises(msgspec.ValidationError, match="0 or more"):
        price(**wrong)


@pytest.mark.parametrize("missing", ["dated", "source"])
def test_a_price_without_its_day_and_source_is_refused(missing):
    written = {"dated": "2026-11-01", "source": "https://lab.example/prices"}
    with pytest.raises(msgspec.ValidationError, match=missing):
        msgspec.convert({name: value for name, value in written.items() if name != missing}, Price)


def test_all_that_is_charged_of_a_conversation_may_have_a_price():
    assert Tokens(1, 1, 1, 1, 1, 1, 1).charged.keys() <= set(TOKENS)
