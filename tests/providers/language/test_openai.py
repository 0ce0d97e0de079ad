import pytest

from torana.dialects.translated import Translated
from torana.providers.language.openai import (
    CHAT,
    COMPLETE,
    EMBED,
    KEEP,
    MESSAGE,
    RERANK,
    RESPOND,
    offering,
    openai_ways,
)


@pytest.mark.parametrize(
    ("offers", "straight", "translated"),
    [
        ((CHAT,), {CHAT}, {COMPLETE, MESSAGE, RESPOND}),
        ((CHAT, COMPLETE), {CHAT, COMPLETE}, {MESSAGE, RESPOND}),
        ((CHAT, RESPOND), {CHAT, RESPOND}, {COMPLETE, MESSAGE}),
        ((CHAT, KEEP), {CHAT, RESPOND, "responses.compact"}, {COMPLETE, MESSAGE}),
        ((EMBED, RERANK), {EMBED, RERANK}, set()),
    ],
)
def test_what_a_vendor_has_goes_straight_and_all_else_as_chats(
    offers: tuple[str, ...], straight: set[str], translated: set[str]
) -> None:
    ways = openai_ways(offers)
    assert {operation for operation, way in ways.items() if isinstance(way, Translated)} == translated
    assert ways.keys() - translated == straight
    assert offering(*offers).straight == straight
    # Who does not count is not asked.
    assert ("messages.count_tokens" in offering(*offers).known) == (CHAT in offers)
