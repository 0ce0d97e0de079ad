from decimal import Decimal

import msgspec
import pytest

from tests.families.audio.sounds import Recorded, wav
from torana.core.price import Price
from torana.families.audio import TRANSCRIPTIONS
from torana.families.audio.speech import read_speech
from torana.families.base import Form
from torana.families.language.asked import LanguageRequest
from torana.families.language.rerank import read_rerank
from torana.providers.language.worst import Ceiling


def request(**body: object) -> LanguageRequest:
    return LanguageRequest("chat.completions", "m", body, b"x" * 1000)


def price(**kinds: int) -> Price:
    tokens = {kind: Decimal(value) for kind, value in kinds.items()}
    return Price(dated="2026-11-22", source="here", per_million_tokens=tokens)


@pytest.mark.parametrize(
    ("asked", "known", "dollars"),
    [
        (request(max_tokens=100), price(text_in=1, text_out=5), "0.0015"),
        (request(max_tokens=100, n=3), price(text_in=1, text_out=5), "0.0025"),
        (request(), price(text_in=1, text_out=5), "0.006"),
        # What is dearest counts: all may be written to the cache, or be thought.
        (request(max_tokens=100), price(text_in=1, cache_write_in=2, text_out=5, reasoning_out=6), "0.0026"),
        # What is no bound bounds nothing.
        (request(max_tokens=-7), price(text_in=1, text_out=5), "0.006"),
        (request(n=4), price(text_in=1, text_out=5), "0.021"),
        (request(prompt=["a", "b"], best_of=2, max_tokens=100), price(text_in=1, text_out=5), "0.003"),
        (request(), price(text_in=2), "0.002"),
    ],
)
def test_every_byte_in_and_all_words_out(asked: LanguageRequest, known: Price, dollars: str) -> None:
    assert Ceiling(known, 1000).of(asked) == Decimal(dollars)


def test_a_price_for_each_request() -> None:
    known = Price(dated="2026-11-22", source="here", per_request=Decimal("0.01"))
    assert Ceiling(known, 1000).of(request()) == Decimal("0.01")


def test_a_price_for_each_unit() -> None:
    known = Price(dated="2026-11-22", source="here", per_request=Decimal("0.01"))
    body = {"query": "q", "documents": ["d"] * 250}
    asked = read_rerank(msgspec.json.encode({"model": "m", **body}))
    assert Ceiling(known, 1000).of(asked) == Decimal("0.03")


def test_a_price_that_cannot_tell() -> None:
    assert Ceiling(Price(dated="2026-11-22", source="here"), 1000).of(request()) is None


def test_a_text_that_is_spoken_and_a_sound_that_is_listened_to() -> None:
    speech = read_speech(b'{"model": "m", "input": "Hello"}')
    by_characters = Price(dated="2026-11-22", source="here", per_million_characters=Decimal(15))
    assert Ceiling(by_characters, 1000).of(speech) == Decimal("0.000075")
    form = Form((("model", "m"),), sounds=(("file", Recorded(wav(30.0))),))
    by_minutes = Price(dated="2026-11-22", source="here", per_minute=Decimal("0.006"))
    assert Ceiling(by_minutes, 1000).of(TRANSCRIPTIONS.read(form)) == Decimal("0.003")
    assert Ceiling(price(audio_in=1, text_out=2), 10**6).of(TRANSCRIPTIONS.read(form)) == Decimal("0.001801")
    assert Ceiling(by_minutes, 1000).of(speech) is None
