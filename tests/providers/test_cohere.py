import pytest

from torana.core.price import Consumed
from torana.providers.base import declarations
from torana.providers.cohere import DECLARATIONS, LANGUAGE, MODELS


def test_it_ranks_in_its_own_words_and_speaks_in_everybodys() -> None:
    (declared,) = DECLARATIONS
    assert declarations()[declared.type] is declared
    assert declared.straight >= {"rerank"}
    assert declared.needs == {"api_key"}
    assert not declared.closed
    assert declared.operations("command-of-tomorrow") == declared.spoken("*")


@pytest.mark.parametrize(
    ("model", "can", "cannot"),
    [
        ("command-a-03-2025", {"chat.completions", "completions", "messages", "responses"}, {"rerank", "embeddings"}),
        ("rerank-v3.5", {"rerank"}, {"chat.completions", "embeddings"}),
        ("embed-v4.0", {"embeddings"}, {"chat.completions", "rerank"}),
    ],
)
def test_each_model_does_what_it_is_for(model: str, can: set[str], cannot: set[str]) -> None:
    operations = LANGUAGE.operations(model)
    assert can <= operations
    assert not cannot & operations


def test_a_ranking_is_charged_by_search_units() -> None:
    price = MODELS["rerank-v3.5"].price
    assert price is not None
    assert str(price.of(Consumed(requests=3))) == "0.006"
