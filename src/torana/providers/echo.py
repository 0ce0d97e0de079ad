"""The provider ``echo``: what was sent comes back, a picture resized, a conversation's last words as they were.

For tests and first steps.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

from torana.core.exchange import EVENT_STREAM, Context, Opening, Reply, Target, Usage
from torana.families.images import VARIATIONS, ImageRequest, Pictures
from torana.families.language import chat, completions, messages, responses
from torana.families.language.asked import LanguageRequest, Spoken
from torana.families.language.saying import Begun, Counted, Delta, Ended, Happening, PartBegun, Stop, Tokens, fold
from torana.families.language.voice import Occasion, Voice
from torana.families.language.words import Conversation, Text, Turn
from torana.providers.base import Declaration, Lent, Operation
from torana.providers.imaging.ability import FREE, Ability, free
from torana.providers.sizes import chosen_size

MODEL = "echo"
VOICES: Mapping[str, Voice] = {
    chat.CHAT.operation: chat.VOICE,
    completions.COMPLETIONS.operation: completions.VOICE,
    messages.MESSAGES.operation: messages.VOICE,
    responses.RESPONSES.operation: responses.VOICE,
}
_WORD = re.compile(r"\s*\S+|\s+$")
"""A word with the room before it; the words of a text are all of it."""


class Echo:
    """Answers with what it was sent."""

    def __init__(self, lent: Lent) -> None:
        self._lent = lent
        self.operations: Mapping[str, Operation] = {
            VARIATIONS.operation: self.vary,
            **dict.fromkeys(VOICES, self.speak),
        }

    async def vary(self, request: ImageRequest, _model: str, context: Context) -> Reply[Pictures]:
        """The first source at the size asked for, n times."""
        await context.coming.arrived()
        source = request.images[0]
        size = chosen_size(request.size, source.info.size)
        picture = await self._lent.fitted(source, size=size, output_format=request.output_format)
        body = Pictures(int(self._lent.clock.now()), (picture,) * request.n)
        ignored = tuple(sorted(request.extensions - {"output_format"}))
        return Reply(body, emulated=("variation",), ignored=ignored, usage=free(request.n))

    async def speak(self, request: LanguageRequest, model: str, context: Context) -> Reply[Spoken]:
        """The last words that the user said, one word after the other where they are to be streamed.

        Its tokens are words, of which it says no more than asked for.
        """
        voice = VOICES[request.operation]
        conversation = voice.hear(request)
        occasion = Occasion(request, int(self._lent.clock.now()), None, model)
        said = _said(conversation, model)
        usage = _usage(said)
        if not conversation.stream:
            spoken = Spoken(voice.tell(fold(said), occasion))
            return Reply(spoken, ignored=conversation.unheard, usage=usage)
        show = context.open(Opening(ignored=conversation.unheard))
        teller = voice.teller(occasion)
        for happening in said:
            if frames := b"".join(teller.tell(happening)):
                await show(frames)
        if frames := b"".join(teller.close()):
            await show(frames)
        return Reply(Spoken(b"", EVENT_STREAM, told=True), ignored=conversation.unheard, usage=usage)

    def worst(self, _request: object, _target: Target) -> Decimal | None:
        """Nothing, whatever is asked for."""
        return Decimal(0)


def _said(conversation: Conversation, model: str) -> tuple[Happening, ...]:
    """The answer as it is told."""
    last = next((turn for turn in reversed(conversation.turns) if turn.role == "user"), Turn("user", ()))
    words = _words(last)
    most = conversation.sampling.max_tokens
    told = words if most is None else words[:most]
    stop: Stop = "end" if len(told) == len(words) else "length"
    n = conversation.sampling.n
    tokens = Tokens(
        text_in=sum(len(_words(turn)) for turn in conversation.turns),
        text_out=len(told) * n,
    )
    return (
        Begun(model=model),
        *(happening for answer in range(n) for happening in _answer(told, stop, answer)),
        Counted(tokens),
    )


def _answer(words: list[str], stop: Stop, answer: int) -> Iterator[Happening]:
    yield PartBegun(Text(""), answer)
    for word in words:
        yield Delta(word, answer)
    yield Ended(stop, answer=answer)


def _words(turn: Turn) -> list[str]:
    text = "\n".join(part.text for part in turn.parts if isinstance(part, Text))
    return _WORD.findall(text)


def _usage(said: tuple[Happening, ...]) -> Usage:
    tokens = next(happening.tokens for happening in said if isinstance(happening, Counted))
    return Usage(tokens=tokens.charged, cost=Decimal(0), price=f"{FREE.source}, {FREE.dated}")


DECLARATIONS = (
    Declaration(
        type="echo",
        summary="Returns the source, resized, and the last words of a conversation. For tests and first steps.",
        build=lambda _account, _key, lent: Echo(lent),
        abilities={MODEL: Ability(frozenset({VARIATIONS.operation}), most=10, sources=16, prompted=False, price=FREE)},
        spoken=lambda model: frozenset(VOICES) if model == MODEL else frozenset(),
        spoken_models=(MODEL,),
        alone="echo",
    ),
)
