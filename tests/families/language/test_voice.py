from torana.families.language.asked import LanguageRequest
from torana.families.language.saying import Utterance
from torana.families.language.voice import Occasion, Voice
from torana.families.language.words import Conversation


def test_what_a_voice_hears_and_tells_is_not_shown():
    voice = Voice(
        lambda _request: Conversation(()),
        lambda utterance, _occasion: repr(utterance).encode(),
        teller=lambda _occasion: (_ for _ in ()).throw(AssertionError),
    )
    occasion = Occasion(LanguageRequest("chat", "m", {"secret": 1}, b"secret"), 1, "abc", "m")
    assert voice.hear(occasion.request).turns == ()
    assert b"Utterance" in voice.tell(Utterance(()), occasion)
    assert "secret" not in repr(occasion)
