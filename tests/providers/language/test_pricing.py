import pytest

from torana.core.price import Consumed
from torana.providers.base import declarations
from torana.providers.language.pricing import CONVERSATIONS, EMBEDDINGS, facts_of

VENDORS = ["azure-openai", "bedrock", "cerebras", "cohere", "gemini", "groq", "mistral", "openai"]


@pytest.mark.parametrize("vendor", VENDORS)
def test_each_model_has_a_price_for_what_it_does(vendor: str) -> None:
    known = facts_of(vendor)
    assert known["*"].price is None
    for name, facts in known.items():
        if name == "*":
            continue
        assert facts.price is not None, name
        used = {"text_in": 1} if facts.operations == EMBEDDINGS else {"text_in": 1, "cached_in": 1, "text_out": 1}
        cost = facts.price.of(Consumed(tokens=used))
        assert cost is not None, name
        assert 0 < cost < 1, name
        assert facts.operations in {EMBEDDINGS, CONVERSATIONS}


def test_a_vendor_that_is_not_there() -> None:
    with pytest.raises(KeyError):
        facts_of("nobody")


def test_the_table_is_of_vendors_that_there_are() -> None:
    assert set(VENDORS) <= set(declarations())
