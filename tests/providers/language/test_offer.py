import pytest

from tests.providers.language.wayside import sound, way
from torana.dialects.ways import Way
from torana.providers.language import Facts, Language

CHAT, SPEECH = "chat.completions", "audio.speech"
LANGUAGE = Language(
    ways={CHAT: way},
    ways_of={"voice-": {SPEECH: sound}},
    models={"quiet": Facts(frozenset({SPEECH})), "*": Facts()},
)


@pytest.mark.parametrize(
    ("operation", "model", "found"),
    [
        (CHAT, "any", way),
        (SPEECH, "any", None),
        (CHAT, "quiet", None),
        (SPEECH, "voice-1", sound),
        (CHAT, "voice-1", None),
    ],
)
def test_how_a_model_is_asked(operation: str, model: str, found: Way | None) -> None:
    assert LANGUAGE.way(operation, model) is found
    assert (operation in LANGUAGE.operations(model)) == (found is not None)


def test_what_is_known() -> None:
    assert LANGUAGE.known == {CHAT, SPEECH}
    assert LANGUAGE.named == ("quiet",)


def test_without_others_a_model_that_is_not_named_is_none() -> None:
    closed = Language(ways={CHAT: way}, models={"only": Facts()})
    assert closed.way(CHAT, "only") is way
    assert closed.way(CHAT, "another") is None
    assert closed.operations("another") == frozenset()
