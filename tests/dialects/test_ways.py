from torana.core.exchange import Message
from torana.dialects.ways import Answered, Asking, At
from torana.families.language.asked import LanguageRequest
from torana.families.language.voice import Occasion


def test_nothing_of_what_is_asked_or_answered_is_shown():
    request = LanguageRequest("chat.completions", "m", {"secret": 1}, b"secret")
    shown = repr(
        [
            At("m", Occasion(request, 1, "abc", "m")),
            Answered(b"secret"),
            Asking(Message("POST", "/x", (), (b"secret",)), plain=lambda _received: Answered(b"")),
        ]
    )
    assert "secret" not in shown
    assert "chat.completions" in shown
