"""``POST /completions``: a text in, how it goes on out; the older way, which some models know alone.

Shapes: OpenAI's ``CreateCompletionRequest`` and ``CreateCompletionResponse``. Chat models answer it as one message.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from torana.core.errors import InvalidRequest
from torana.families.base import Family, Field
from torana.families.language.asked import LanguageRequest, Spoken, frame, read_request
from torana.families.language.chat.checked import check_options, unsupported, wants_usage
from torana.families.language.chat.family import HEARTBEAT, nothing_ignored
from torana.families.language.chat.fields import (
    FLAG,
    MAX_TOKENS,
    MODEL,
    SAMPLING,
    STREAM,
    STREAM_OPTIONS,
    TEXT,
    WHOLE,
    N,
    answer_schema,
)
from torana.families.language.chat.folding import fold, write
from torana.families.language.chat.hearing import hear
from torana.families.language.chat.telling import DONE, reason, told_usage
from torana.families.language.saying import (
    Begun,
    Counted,
    Delta,
    Ended,
    Happening,
    PartBegun,
    PartWhole,
    Said,
    Stop,
    Tokens,
    Utterance,
)
from torana.families.language.voice import Occasion, Voice
from torana.families.language.words import Conversation, Part, Refusal, Text

COMPLETIONS_OPERATION = "completions"
_OBJECT = "text_completion"
_TOKENS: Mapping[str, object] = {"type": "array", "items": {}}
_REFUSED = {
    "echo": "This model cannot repeat the prompt.",
    "best_of": "This model cannot choose the best of several answers.",
    "suffix": "This model cannot write up to a text that follows.",
    "logprobs": "This model does not tell tokens' probabilities.",
}
_NEUTRAL = {"echo": False, "best_of": 1, "suffix": ""}


def parse(raw: bytes) -> LanguageRequest:
    """The request of a body; what it does not know it lets pass, for an upstream that may."""
    request = read_request(COMPLETIONS_OPERATION, raw, "prompt")
    prompt = request.body["prompt"]
    if not isinstance(prompt, str | list) or prompt == []:
        raise InvalidRequest("'prompt' must be a text or an array of texts or tokens.", param="prompt")
    check_options(request.body)
    return request


def hear_prompt(request: LanguageRequest) -> Conversation:
    """The prompt as what a user says; InvalidRequest for what no chat model can do."""
    body = {name: value for name, value in request.body.items() if value is not None}
    for name, why in _REFUSED.items():
        if name in body and (name not in _NEUTRAL or body[name] != _NEUTRAL[name]):
            raise unsupported(name, why)
    asked = {name: value for name, value in body.items() if name not in {*_REFUSED, "prompt"}}
    asked["messages"] = [{"role": "user", "content": _prompt(body["prompt"])}]
    return hear(LanguageRequest(request.operation, request.model, asked, request.raw, request.stream))


def _prompt(prompt: object) -> str:
    if isinstance(prompt, list) and len(prompt) == 1:
        return _prompt(prompt[0])
    if isinstance(prompt, str):
        return prompt
    raise unsupported("prompt", "This model takes one prompt, as a text.", value=True)


def tell(utterance: Utterance, occasion: Occasion) -> bytes:
    """An answer, whole, in JSON."""
    choices = [_choice(index, _words(said), _reason(said.stop)) for index, said in enumerate(utterance.answers)]
    whole = _head(occasion, utterance.model) | {"choices": choices}
    if utterance.tokens is not None:
        whole["usage"] = told_usage(utterance.tokens)
    return msgspec.json.encode(whole)


@dataclass(slots=True)
class TextTeller:
    """Tells an answer in pieces, each of which is like a whole one."""

    occasion: Occasion
    counts: bool
    model: str | None = None
    tokens: Tokens | None = None
    parts: dict[int, Part] = field(default_factory=dict)
    """The last one of each answer."""

    def tell(self, happening: Happening) -> Iterable[bytes]:
        """The frames that a happening comes to; thoughts come to none."""
        match happening:
            case Begun(model=model):
                self.model = model
            case Counted(tokens=tokens):
                self.tokens = tokens
            case PartBegun(part=part, answer=answer) | PartWhole(part=part, answer=answer):
                self.parts[answer] = part
                if isinstance(part, Text | Refusal) and part.text:
                    yield self._piece(answer, part.text)
            case Delta(text=text, answer=answer) if text and isinstance(self.parts.get(answer), Text | Refusal | None):
                yield self._piece(answer, text)
            case Ended(stop=stop, answer=answer):
                yield self._piece(answer, "", _reason(stop))
            case _:
                return

    def close(self) -> Iterable[bytes]:
        """What was used, where the client wants to know, and the end."""
        if self.counts and self.tokens is not None:
            usage = {"choices": [], "usage": told_usage(self.tokens)}
            yield frame(msgspec.json.encode(_head(self.occasion, self.model) | usage))
        yield DONE

    def _piece(self, answer: int, text: str, finish: str | None = None) -> bytes:
        piece = _head(self.occasion, self.model) | {"choices": [_choice(answer, text, finish)]}
        return frame(msgspec.json.encode(piece | ({"usage": None} if self.counts else {})))


def teller(occasion: Occasion) -> TextTeller:
    """Tells an answer as events."""
    return TextTeller(occasion, wants_usage(occasion.request.body))


def _head(occasion: Occasion, model: str | None) -> dict[str, Any]:
    return {
        "id": f"cmpl-{occasion.id}",
        "object": _OBJECT,
        "created": occasion.created,
        "model": model or occasion.model,
    }


def _choice(index: int, text: str, finish: str | None) -> dict[str, Any]:
    return {"text": text, "index": index, "logprobs": None, "finish_reason": finish}


def _words(said: Said) -> str:
    return "".join(part.text for part in said.parts if isinstance(part, Text | Refusal))


def _reason(stop: Stop) -> str:
    # Here nobody calls tools: a model that wants to has said all it has to say.
    return "stop" if stop == "tool" else reason(stop)


VOICE = Voice(hear=hear_prompt, tell=tell, teller=teller)

COMPLETIONS: Family[LanguageRequest, Spoken] = Family(
    operation=COMPLETIONS_OPERATION,
    method="POST",
    path="/completions",
    tag="Chat",
    summary="Create Completion",
    description="Goes on with a text; as server-sent events where `stream` is true. Chats are the newer way.",
    takes="The prompt and options.",
    gives="How the text goes on.",
    json_fields=(
        MODEL,
        Field("prompt", {"oneOf": [TEXT, _TOKENS]}, "The text, or several, or their tokens.", required=True),
        MAX_TOKENS,
        N,
        *SAMPLING,
        Field("suffix", TEXT, "The text that follows.", nullable=True),
        Field("echo", FLAG, "Whether to repeat the prompt.", nullable=True),
        Field("best_of", WHOLE, "Of how many to give the best.", nullable=True),
        Field("logprobs", WHOLE, "How many likely tokens to tell at each place.", nullable=True),
        STREAM,
        STREAM_OPTIONS,
    ),
    reply_schema=answer_schema(
        _OBJECT,
        {
            "type": "object",
            "properties": {"index": WHOLE, "text": TEXT, "finish_reason": TEXT},
            "required": ["index", "text", "finish_reason"],
        },
    ),
    parse=parse,
    ignored=nothing_ignored,
    write=write,
    fold=fold,
    heartbeat=HEARTBEAT,
)
