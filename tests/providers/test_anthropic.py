from decimal import Decimal

import pytest

from torana.core.price import Consumed
from torana.providers.anthropic import DECLARATIONS, LANGUAGE, MODELS
from torana.providers.base import declarations


def test_it_speaks_its_own_family_straight_and_others_round() -> None:
    (declared,) = DECLARATIONS
    assert declarations()[declared.type] is declared
    assert declared.straight == {"messages", "messages.count_tokens"}
    assert declared.operations("claude-opus-5-5") == declared.operations("claude-of-tomorrow")
    assert {"chat.completions", "completions", "responses"} <= declared.operations("claude-opus-5-5")
    assert declared.needs == {"api_key"}


@pytest.mark.parametrize("model", [name for name, facts in MODELS.items() if facts.price])
def test_every_token_that_is_told_has_a_price(model: str) -> None:
    facts = LANGUAGE.facts(model)
    assert facts is not None
    assert facts.price is not None
    told = dict.fromkeys(("text_in", "cached_in", "cache_write_in", "text_out", "reasoning_out"), 1_000_000)
    prices = facts.price.per_million_tokens
    assert facts.price.of(Consumed(tokens=told)) == sum(prices.values())
    assert prices["cached_in"] < prices["text_in"] < prices["cache_write_in"] < prices["text_out"]
    assert prices["cache_write_in"] == prices["text_in"] * Decimal("1.25")
