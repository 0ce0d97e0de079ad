from torana.core.content import Size
from torana.providers.gemini import MODELS


def test_only_the_sharp_models_are_asked_for_a_resolution():
    wanted = Size(2048, 2048)
    asked = {name: ability.canvas.nearest(wanted).resolution for name, ability in MODELS.items()}
    assert {name for name, resolution in asked.items() if resolution} == {
        "gemini-3.1-flash-image",
        "gemini-3-pro-image",
    }


def test_whatever_a_model_is_asked_for_its_price_knows():
    for ability in MODELS.values():
        if ability.price:
            kinds = {ability.kind({}, ability.canvas.nearest(Size(side, side)).resolution) for side in (64, 2048, 4096)}
            assert kinds <= ability.price.by_kind.keys()
