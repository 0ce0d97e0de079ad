from decimal import Decimal

import pytest

from torana.core.content import Size
from torana.providers.imaging.ability import Effort
from torana.providers.openai import DECLARATIONS, GPT_IMAGE


@pytest.mark.parametrize(
    ("wanted", "asked"),
    [("1024x1024", "1024x1024"), ("256x256", "1024x1024"), ("1024x256", "1776x592"), ("3000x3000", "2880x2880")],
)
def test_sizes_are_those_that_the_models_make(wanted, asked):
    width, height = map(int, wanted.split("x"))
    size = GPT_IMAGE.canvas.nearest(Size(width, height)).size
    assert size is not None
    assert str(size) == asked
    assert size.width % 16 == size.height % 16 == 0


def test_models_to_come_are_taken_for_what_those_of_today_are():
    (openai,) = DECLARATIONS
    assert not openai.closed
    assert openai.operations("gpt-image-9") > openai.operations("gpt-image-2") == GPT_IMAGE.operations


def test_of_models_to_come_nobody_knows_the_price():
    (openai,) = DECLARATIONS
    assert {name for name, ability in openai.abilities.items() if ability.price is None} == {
        "*",
        "gpt-image-2.6-flare",
        "gpt-image-2.6-sunburst",
    }


SQUARE = Size(1024, 1024)


@pytest.mark.parametrize(
    ("model", "quality", "size", "tokens"),
    [
        ("gpt-image-2", "low", "1024x1024", 196),
        ("gpt-image-2", "medium", "1024x1024", 1756),
        ("gpt-image-2", "high", "1024x1024", 7024),
        ("gpt-image-2", "high", "1024x1536", 5488),
        ("gpt-image-2", "high", "1536x1024", 5488),
        ("gpt-image-2", "high", "1792x1024", 5063),
        ("gpt-image-2", "high", "3584x2048", 12329),
        ("gpt-image-2.5-flare", "high", "1024x1024", 1756),
        ("gpt-image-2.5-flare", "max", "1024x1024", 7024),
        ("gpt-image-9", "low", "1024x1024", 7024),
    ],
)
def test_a_picture_takes_the_tokens_that_were_counted(model, quality, size, tokens):
    taken = most(model, size=Size(*map(int, size.split("x"))), wishes={"quality": quality})
    assert taken["image_out"] == tokens


@pytest.mark.parametrize(
    ("quality", "dollars"),
    [("low", "0.006"), ("medium", "0.013"), ("high", "0.053"), ("xhigh", "0.094"), ("max", "0.211")],
)
def test_tokens_come_to_what_a_picture_is_resold_for(quality, dollars):
    taken = most("gpt-image-2.5-flare", wishes={"quality": quality})["image_out"]
    price = GPT_IMAGE.price
    assert price is not None
    assert round(price.per_million_tokens["image_out"] * taken / 10**6, 3) == Decimal(dollars)


@pytest.mark.parametrize("wishes", [{}, {"quality": "auto"}, {"quality": "hd"}])
def test_where_the_model_chooses_it_takes_the_most(wishes):
    assert most("gpt-image-2", wishes=wishes) == most("gpt-image-2", wishes={"quality": "high"})
    largest = most("gpt-image-2", size=None, wishes=wishes)["image_out"]
    sizes = (Size(width, height) for width in range(512, 3841, 16) for height in range(512, 3841, 128))
    made = {GPT_IMAGE.canvas.nearest(size).size for size in sizes}
    assert largest >= max(most("gpt-image-2", size=size, wishes=wishes)["image_out"] for size in made)


def test_sources_previews_and_words_take_tokens_too():
    plain = most("gpt-image-2", wishes={"quality": "low"})
    more = most("gpt-image-2", wishes={"quality": "low"}, sources=2, words=512, partials=3)
    assert {name: more[name] - plain[name] for name in plain} == {"text_in": 512, "image_in": 3072, "image_out": 300}


def most(model, *, size=SQUARE, wishes, **more):
    (openai,) = DECLARATIONS
    tokens = openai.abilities.get(model, openai.abilities["*"]).tokens
    assert tokens is not None
    return tokens(Effort(**{"size": size, "wishes": wishes, "sources": 0, "words": 0, "partials": 0, **more}))
