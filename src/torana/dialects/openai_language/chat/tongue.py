"""Conversations with upstreams that know chats: how they are asked, and their whole answers read."""

from dataclasses import replace
from typing import Any

from msgspec import Struct

from torana.dialects.openai_language.chat.answers import Logprobs, Message, parts_of, stop_of
from torana.dialects.openai_language.chat.asking import emulated_in, fields_of, ignored_in
from torana.dialects.openai_language.chat.efforts import asked_by, suited
from torana.dialects.openai_language.chat.listening import ChatListener
from torana.dialects.openai_language.errors import empty, fault_inside
from torana.dialects.openai_language.manner import PLAIN, Manner, Path, message, written
from torana.dialects.openai_language.usage import tokens_of_usage
from torana.dialects.steps import Received
from torana.dialects.translated import Encoded, Tongue
from torana.dialects.ways import At
from torana.families.language.saying import Said, Utterance
from torana.families.language.words import Conversation, Refusal, ToolCall


class _Choice(Struct):
    index: int | None = None
    message: Message | None = None
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class _Whole(Struct):
    id: str | None = None
    model: str | None = None
    choices: list[_Choice] | None = None
    usage: Any = None


class _Failure(Struct):
    error: Any = None


def tongue(path: Path = "/chat/completions", manner: Manner = PLAIN) -> Tongue:
    """The dialect as a vendor speaks it."""

    def encode(conversation: Conversation, at: At) -> Encoded:
        wanted = suited(conversation.thinking, at.model)
        conversation = replace(conversation, thinking=wanted.thinking)
        fields = fields_of(conversation, manner)
        body, ignored = written(fields, at, manner, stream=conversation.stream)
        return Encoded(
            message(path, body, at, manner, stream=conversation.stream),
            emulated=(*emulated_in(conversation, manner), *(("reasoning",) if wanted.emulated else ())),
            ignored=(*ignored_in(conversation), *((asked_by(at),) if wanted.ignored else ()), *ignored),
        )

    def listener(_conversation: Conversation) -> ChatListener:
        return ChatListener()

    return Tongue(encode=encode, decode=decode, listener=listener)


def decode(body: bytes, _conversation: Conversation) -> Utterance:
    """A whole answer; UpstreamError, or what the error in it means, where it is none."""
    received = Received(200, {}, body)
    failure = received.read(_Failure)
    if failure.error:
        raise fault_inside(failure.error)
    whole = received.read(_Whole)
    if not whole.choices:
        raise empty()
    numbered = {place if choice.index is None else choice.index: choice for place, choice in enumerate(whole.choices)}
    answers = tuple(_said(numbered[index], index) for index in sorted(numbered))
    return Utterance(answers, whole.id, whole.model, tokens_of_usage(whole.usage))


def _said(choice: _Choice, place: int) -> Said:
    parts = parts_of(choice.message or Message(), place)
    stop = stop_of(
        choice.finish_reason,
        calls=any(isinstance(part, ToolCall) for part in parts),
        refused=any(isinstance(part, Refusal) for part in parts),
    )
    logprobs = tuple((choice.logprobs or Logprobs()).content or ())
    return Said(parts, stop, logprobs=logprobs)
