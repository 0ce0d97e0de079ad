import pytest

from torana.core.content import Size
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
    assert openai.operations("gpt-image-9") == openai.operations("gpt-image-2") == GPT_IMAGE.operations


def test_of_models_to_come_nobody_knows_the_price():
    (openai,) = DECLARATIONS
    assert {name for name, ability in openai.abilities.items() if ability.price is None} == {
        "*",
        "gpt-image-2.6-flare",
        "gpt-image-2.6-sunburst",
    }
