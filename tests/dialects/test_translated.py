"""From one dialect to another, by words that both understand."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from torana.core.errors import InvalidRequest, UpstreamCut, UpstreamError
from torana.core.exchange import Event, Message
from torana.dialects.steps import Received
from torana.dialects.translated import ONE_CALL, Encoded, Tongue, translated
from torana.dialects.ways import At, Relay
from torana.families.language.asked import LanguageRequest
from torana.families.language.saying import (
    Counted,
    Delta,
    Ended,
    Happening,
    PartBegun,
    PartWhole,
    Said,
    Sealed,
    Tokens,
    Utterance,
    fold,
)
from torana.families.language.voice import Occasion, Voice
from torana.families.language.words import Conversation, Text, ToolCall, Turn


@dataclass
class Echoes:
    """Tells what happens by the name of it."""

    occasion: Occasion

    def tell(self, happening: Happening) -> Iterable[bytes]:
        yield type(happening).__name__.encode() + b" "

    def close(self) -> Iterable[bytes]:
        yield b"over"


@dataclass
class Ears:
    """Understands ``text WORDS``, ``count IN OUT``, ``stop`` and ``over``."""

    ended: bool = False
    heard: list[bytes] = field(default_factory=list)

    def hear(self, event: Event) -> Iterable[Happening]:
        match event.data.decode().split(" "):
            case ["text", words]:
                yield from (PartBegun(Text("")), Delta(words))
            case ["count", goes_in, comes_out]:
                yield Counted(Tokens(int(goes_in), text_out=int(comes_out)))
            case ["stop"]:
                yield Ended("end")
            case _:
                self.ended = True


def hear(request: LanguageRequest) -> Conversation:
    return Conversation((Turn("user", (Text("hi"),)),), stream=request.stream, unheard=("odd",))


VOICE = Voice(hear, lambda utterance, occasion: f"{occasion.model}: {utterance.answers}".encode(), Echoes)
TONGUE = Tongue(
    lambda conversation, at: Encoded(
        Message("POST", at.model, (), (str(conversation.turns).encode(),)), ("tools",), ("seed",)
    ),
    lambda body, _conversation: Utterance((Said((Text(body.decode()),)),), tokens=Tokens(3, text_out=1)),
    lambda _conversation: Ears(),
)
WAY = translated(VOICE, TONGUE)


def at(*, stream: bool = False) -> At:
    request = LanguageRequest("chat.completions", "m", {}, b"x" * 40, stream)
    return At("vendor-m", Occasion(request, 1, "abc", "vendor-m"))


def relay() -> Relay:
    there = at(stream=True)
    made = WAY(there.occasion.request, there).relay
    assert made is not None
    return made()


def test_a_whole_answer():
    there = at()
    asking = WAY(there.occasion.request, there)
    assert (asking.message.path, asking.relay) == ("vendor-m", None)
    assert (asking.emulated, asking.ignored) == (("tools",), ("odd", "seed"))
    answered = asking.plain(Received(200, {}, b"hello"))
    assert b"hello" in answered.data
    assert answered.data.startswith(b"vendor-m: ")
    assert answered.used.tokens == {"text_in": 3, "text_out": 1}


def test_an_answer_in_pieces():
    going = relay()
    told = [b"".join(going.take(Event("message", data))) for data in (b"text hi", b"stop", b"count 5 7", b"over")]
    assert told == [b"PartBegun Delta ", b"Ended ", b"Counted ", b""]
    assert going.ended
    assert b"".join(going.close()) == b"over"
    assert going.used.tokens == {"text_in": 5, "text_out": 7}


def test_one_that_breaks_off_is_an_error_and_counted_by_what_came():
    going = relay()
    assert list(going.take(Event("message", b"text 12345678")))
    with pytest.raises(UpstreamCut):
        list(going.close())
    assert going.used.tokens == {"text_in": 10, "text_out": 2}


def test_the_upstreams_word_counts_before_ours():
    going = relay()
    list(going.take(Event("message", b"count 5 0")))
    list(going.take(Event("message", b"text 12345678")))
    assert going.used.tokens == {"text_in": 5, "text_out": 2}


CALLS = (
    PartBegun(Text("")), Delta("I look."), PartBegun(ToolCall("a", "f", "")), Delta("{}"), Sealed("s"),
    PartBegun(ToolCall("b", "g", "")), Delta("{}"), Sealed("t"), PartWhole(ToolCall("c", "h", "{}")), Ended("tool"),
)  # fmt: skip
ONE = ["PartBegun", "Delta", "PartBegun", "Delta", "Sealed", "Ended"]


@dataclass
class Caller:
    """Calls several tools, whatever it hears."""

    ended: bool = False

    def hear(self, _event: Event) -> Iterable[Happening]:
        return CALLS


def test_where_one_call_at_a_time_is_emulated_the_first_is_passed_on():
    tongue = Tongue(
        lambda _conversation, at: Encoded(Message("POST", at.model, (), (b"",)), (ONE_CALL,)),
        lambda _body, _conversation: fold(CALLS),
        lambda _conversation: Caller(),
    )
    there = at(stream=True)
    asking = translated(VOICE, tongue)(there.occasion.request, there)
    assert asking.emulated == (ONE_CALL,)
    answered = asking.plain(Received(200, {}, b"")).data
    assert b"id='a'" in answered
    assert b"id='b'" not in answered
    assert b"id='c'" not in answered
    assert asking.relay is not None
    assert b"".join(asking.relay().take(Event("message", b""))).decode().split() == ONE


def test_what_stands_too_deep_is_somebodys_error():
    def deep(*_: object) -> Any:
        raise RecursionError

    there = at()
    with pytest.raises(InvalidRequest):
        translated(Voice(deep, VOICE.tell, Echoes), TONGUE)(there.occasion.request, there)
    asking = translated(VOICE, Tongue(TONGUE.encode, deep, TONGUE.listener))(there.occasion.request, there)
    with pytest.raises(UpstreamError):
        asking.plain(Received(200, {}, b""))
