import pytest

from tests.dialects.gemini.kit import CLOUD, PLACE, WEATHER, at, request, sent, talk
from torana.core.errors import UpstreamError
from torana.dialects.gemini.counting import counting
from torana.dialects.steps import Received
from torana.families.language.voice import Voice
from torana.families.language.words import Conversation


def never(*_: object) -> object:
    raise AssertionError("nothing is said")


def hear(_request: object) -> Conversation:
    return talk(tools=(WEATHER,), unheard=("metadata",), user="ann")


VOICE = Voice(hear, never, never)  # type: ignore[arg-type]


def test_one_counts_a_whole_request_the_other_its_members() -> None:
    asking = counting(VOICE, PLACE)(request("messages.count_tokens"), at())
    assert asking.message.path == "/models/gemini-3.5-flash:countTokens"
    whole = sent(asking.message)["generateContentRequest"]
    assert whole.pop("model") == "models/gemini-3.5-flash"
    assert asking.ignored == ("metadata", "user")
    members = counting(VOICE, CLOUD)(request("messages.count_tokens"), at())
    assert sent(members.message) == whole
    assert set(whole) == {"contents", "tools"}


def test_the_count_is_in_anthropics_words() -> None:
    asking = counting(VOICE, PLACE)(request("messages.count_tokens"), at())
    counted = Received(200, {}, b'{"totalTokens": 31, "promptTokensDetails": []}')
    assert asking.plain(counted).data == b'{"input_tokens":31}'
    with pytest.raises(UpstreamError):
        asking.plain(Received(200, {}, b"{}"))
