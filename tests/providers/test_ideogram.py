import pytest

from torana.core.content import PictureInfo, Size
from torana.dialects.steps import Ask, Sent
from torana.providers.ideogram import DECLARATIONS, draw

MODELS = DECLARATIONS[0].abilities


@pytest.mark.parametrize(("strength", "weight"), [(0.0, 100), (0.5, 50), (0.9, 11), (1.0, 1)])
@pytest.mark.parametrize("model", MODELS)
def test_weight_is_whole_and_grows_with_closeness(model, strength, weight):
    scale = MODELS[model].strength
    assert scale is not None
    sources = (Sent(b"", PictureInfo("png", Size(64, 48))),)
    message = next(draw(Ask("images.variations", model, 1, sources, strength=scale.of(strength)))).message
    body = b"".join(part for part in message.body if isinstance(part, bytes))
    assert f'name="image_weight"\r\n\r\n{weight}\r\n'.encode() in body


@pytest.mark.parametrize(
    ("quality", "price"), [(None, "0.06"), ("low", "0.03"), ("high", "0.10"), ("max", "0.10"), ("odd", "0.06")]
)
def test_quality_is_a_matter_of_pace_and_has_its_price(quality, price):
    ability = MODELS["ideogram-v4"]
    assert ability.price is not None
    kind = ability.kind({"quality": quality} if quality else {}, None)
    assert str(ability.price.by_kind[kind]) == price


def test_every_size_of_the_newer_model_lies_both_ways():
    canvas = MODELS["ideogram-v4"].canvas
    assert canvas.nearest(Size(3000, 1000)).size == Size(3072, 1024)
    assert canvas.nearest(Size(1000, 3000)).size == Size(1024, 3072)
