from torana.providers.base import declarations
from torana.providers.retired import RETIRED

LIVING = {model for declaration in declarations().values() for model in declaration.models}


def test_every_replacement_lives():
    assert {name for names in RETIRED.values() for name in names} <= LIVING
    assert all(RETIRED.values())


def test_no_provider_offers_what_is_gone():
    assert not RETIRED.keys() & LIVING


def test_the_models_that_made_variations_are_known():
    assert {"dall-e-2", "amazon.titan-image-generator-v2:0", "amazon.nova-canvas-v1:0"} <= RETIRED.keys()
