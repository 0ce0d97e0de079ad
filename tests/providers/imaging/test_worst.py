from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tests.providers.kit import photo
from torana.config.upstreams import Prompts
from torana.core.content import Size
from torana.core.exchange import Target
from torana.core.price import Consumed, Price
from torana.families.images import EDIT, GENERATE, VARY, ImageRequest
from torana.providers.imaging.ability import FREE, Ability, Effort
from torana.providers.imaging.canvas import Ratios, Stepped
from torana.providers.imaging.worst import extent, longest, worst

TARGET = Target("somewhere", "m")
SQUARE = ImageRequest("m", prompt="a cat", n=2, size=Size(1024, 1024), operation=GENERATE)
PLAIN = Ability(frozenset({VARY, EDIT, GENERATE}), canvas=Stepped(step=16, least=256, most=2048))
MEGAPIXEL = Decimal(1024 * 1024) / 10**6


def priced(**parts: Any) -> Price:
    return Price(dated="2026-11-22", source="a test", **parts)


def at_worst(
    price: Price | None, ability: Ability = PLAIN, *, target: Target = TARGET, **changes: Any
) -> Decimal | None:
    return worst(extent(structs.replace(SQUARE, **changes), target, 300), ability, price)


def by_quality(wishes: Mapping[str, str], _resolution: str | None) -> str:
    return wishes.get("quality", "")


QUALITIES = priced(by_kind={"low": Decimal(1), "high": Decimal(3), "medium": Decimal(2)})
SKILLED = replace(PLAIN, wishes=frozenset({"quality"}), kind=by_quality)


def test_what_has_no_price_is_unknown_and_what_is_free_is_free() -> None:
    assert at_worst(None) is None
    assert at_worst(FREE) == 0


@pytest.mark.parametrize(("n", "requests"), [(1, 1), (4, 1), (5, 2), (10, 3)])
def test_requests_and_pictures_add_up(n: int, requests: int) -> None:
    price = priced(per_request=Decimal("0.5"), per_image=Decimal("0.01"))
    assert at_worst(price, replace(PLAIN, most=4), n=n) == requests * Decimal("0.5") + n * Decimal("0.01")


def test_what_may_bring_more_or_be_asked_twice_costs_as_much_more() -> None:
    price = priced(per_request=Decimal("0.5"), per_image=Decimal("0.01"))
    assert at_worst(price, replace(PLAIN, excess=2)) == Decimal("2.04")


@pytest.mark.parametrize(("size", "started"), [("256x256", 1), ("1024x1024", 1), ("1040x1024", 2), ("2048x2048", 4)])
def test_a_megapixel_counts_once_it_is_started(size: str, started: int) -> None:
    wanted = Size(*map(int, size.split("x")))
    assert at_worst(priced(per_megapixel=Decimal(1)), n=1, size=wanted) == started * MEGAPIXEL


def test_where_no_size_is_asked_for_the_largest_counts_and_for_a_source_its_shape() -> None:
    price = priced(per_megapixel=Decimal(1))
    assert at_worst(price, n=1, size=None) == 4 * MEGAPIXEL
    assert at_worst(price, n=1, size=None, operation=VARY, prompt=None, images=(photo(),)) == MEGAPIXEL


def test_a_size_that_nobody_can_tell_makes_the_cost_unknown() -> None:
    shapes = replace(PLAIN, canvas=Ratios(("1:1",)))
    assert at_worst(priced(per_megapixel=Decimal(1)), shapes) is None
    assert at_worst(priced(per_image=Decimal(1)), shapes) == 2


@pytest.mark.parametrize(
    ("wishes", "each"), [({"quality": "low"}, 1), ({"quality": "medium"}, 2), ({}, 3), ({"quality": "auto"}, 3)]
)
def test_the_dearest_kind_counts_where_the_choice_is_left_to_the_model(wishes: dict[str, str], each: int) -> None:
    assert at_worst(QUALITIES, SKILLED, wishes=wishes) == 2 * each


def test_a_wish_that_the_model_does_not_understand_changes_nothing() -> None:
    assert at_worst(QUALITIES, PLAIN, wishes={"quality": "low"}) == 6


def test_the_operators_own_fields_may_overrule_the_clients() -> None:
    dearer = structs.replace(TARGET, parameters=(("quality", "high"),))
    harmless = structs.replace(TARGET, parameters=(("moderation", "low"),))
    assert at_worst(QUALITIES, SKILLED, target=dearer, wishes={"quality": "low"}) == 6
    assert at_worst(QUALITIES, SKILLED, target=harmless, wishes={"quality": "low"}) == 2
    larger = structs.replace(TARGET, parameters=(("width", 2048),))
    assert at_worst(priced(per_megapixel=Decimal(1)), target=larger, n=1) == 4 * MEGAPIXEL


def told(effort: Effort) -> Mapping[str, int]:
    return {
        "words": effort.words,
        "sources": effort.sources,
        "partials": effort.partials,
        "side": effort.size.width if effort.size else 0,
    }


COUNTED = replace(PLAIN, tokens=told, sources=2, partial=True, mask=True)


@pytest.mark.parametrize(
    ("name", "changes", "tokens"),
    [
        ("words", {"prompt": "a cat"}, 256),
        ("words", {"prompt": "é" * 256}, 512),
        ("words", {"prompt": None}, 512),
        ("sources", {"images": (photo(),) * 3}, 2),
        ("sources", {"images": (photo(),), "mask": photo()}, 2),
        ("partials", {"stream": True, "partial_images": 3}, 3),
        ("partials", {"partial_images": 3}, 0),
        ("side", {}, 1024),
        ("side", {"size": None}, 0),
    ],
)
def test_tokens_are_of_what_is_asked_for_and_paid_for_with_each_picture(
    name: str, changes: dict[str, Any], tokens: int
) -> None:
    prices = dict.fromkeys(("words", "sources", "partials", "side"), Decimal(0)) | {name: Decimal(1_000_000)}
    assert at_worst(priced(per_million_tokens=prices), COUNTED, **changes) == 2 * tokens


def test_a_price_in_tokens_is_of_no_use_where_nobody_knows_how_many_it_takes() -> None:
    assert at_worst(priced(per_million_tokens={"words": Decimal(1)})) is None
    assert at_worst(priced(per_million_tokens={"words": Decimal(1)}), COUNTED) is None


def test_a_model_that_shows_no_previews_is_not_paid_for_them() -> None:
    prices = dict.fromkeys(("words", "sources", "side"), Decimal(0)) | {"partials": Decimal(1_000_000)}
    blind = replace(COUNTED, partial=False)
    assert at_worst(priced(per_million_tokens=prices), blind, stream=True, partial_images=3) == 0


def test_the_targets_own_prompt_goes_in_place_of_ours() -> None:
    asked = ImageRequest("m", (photo(),))
    assert extent(asked, TARGET, longest(Prompts())).words == 256
    assert extent(asked, structs.replace(TARGET, prompt="x" * 1000), 100).words == 1024
    assert longest(Prompts(close="é", usual="abc", bold="d")) == 3


@given(
    st.integers(1, 10),
    st.integers(1, 10),
    st.integers(1, 4),
    st.tuples(st.integers(16, 4096), st.integers(16, 4096)),
    st.tuples(*(st.decimals(0, 1, places=3),) * 3),
)
def test_no_picture_of_the_size_asked_for_costs_more(
    n: int, most: int, excess: int, sides: tuple[int, int], dollars: tuple[Decimal, Decimal, Decimal]
) -> None:
    ability = replace(PLAIN, most=most, excess=excess)
    price = priced(per_request=dollars[0], per_image=dollars[1], per_megapixel=dollars[2])
    made = ability.canvas.nearest(Size(*sides)).size
    assert made is not None
    consumed = Consumed(requests=-(-n // most), images=n, pixels=n * made.pixels)
    foreseen, cost = at_worst(price, ability, n=n, size=Size(*sides)), price.of(consumed)
    assert foreseen is not None
    assert cost is not None
    assert foreseen >= cost
