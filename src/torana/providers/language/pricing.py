"""What is known of vendors' models, from a table of data: their prices, and how much they say at most.

Perplexity and others who charge for more than tokens are not in it: their cost is unknown until an operator tells it.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files
from typing import Literal

import msgspec
from msgspec import Struct

from torana.core.price import Price
from torana.providers.language.offer import ANY, MOST_OUT, Facts

EMBEDDINGS = frozenset({"embeddings"})
CONVERSATIONS = frozenset({
    "chat.completions", "completions", "messages", "messages.count_tokens", "responses", "responses.compact",
})  # fmt: skip


class _Model(Struct, forbid_unknown_fields=True):
    tokens: dict[str, Decimal]
    """US dollars for a million, by what they are."""
    use: Literal["conversations", "embeddings"] = msgspec.field(default="conversations", name="for")
    most_out: int = MOST_OUT


class _Table(Struct, forbid_unknown_fields=True):
    dated: str
    source: str
    vendors: dict[str, dict[str, _Model]]


def facts_of(vendor: str) -> Mapping[str, Facts]:
    """A vendor's models by name, and ``*`` for the many that are not in the table."""
    table = _read()
    return {
        name: Facts(
            EMBEDDINGS if model.use == "embeddings" else CONVERSATIONS,
            Price(dated=table.dated, source=table.source, per_million_tokens=model.tokens),
            model.most_out,
        )
        for name, model in table.vendors[vendor].items()
    } | {ANY: Facts()}


@lru_cache(1)
def _read() -> _Table:
    return msgspec.json.decode(files(__package__).joinpath("models.json").read_bytes(), type=_Table)
