"""A conversation as a request in this dialect, whoever asked it.

Source: Anthropic's ``MessageCreateParams``.
"""

from torana.dialects.anthropic.asking.draft import Draft
from torana.dialects.anthropic.asking.talents import talents
from torana.dialects.anthropic.asking.thinking import add_thinking
from torana.dialects.anthropic.asking.tooling import add_shape, add_tools
from torana.dialects.anthropic.asking.turns import messages_of, system_of, unsealed
from torana.dialects.anthropic.manner import Manner
from torana.dialects.translated import Encoded
from torana.dialects.ways import At
from torana.families.language.words import Conversation

_MOST_OF_A_USER = 256
_LEAST_TOP_P = 0.95
"""With which models still think."""


def encode(manner: Manner, conversation: Conversation, at: At) -> Encoded:
    """The request; InvalidRequest, naming the client's field, for what its model cannot be asked."""
    draft = Draft(conversation, at, talents(at.model))
    _check(draft)
    draft.body["max_tokens"] = conversation.sampling.max_tokens or draft.able.longest
    draft.body["messages"] = messages_of(conversation)
    if not draft.body["messages"]:
        raise draft.refuse("There must be a message that is neither an instruction nor empty.", "messages", "input")
    add_tools(draft)
    add_shape(draft)
    add_thinking(draft)
    _sample(draft)
    system = system_of(conversation, *draft.instructions)
    if system is not None:
        draft.body["system"] = system
    if conversation.sampling.stop:
        draft.body["stop_sequences"] = list(conversation.sampling.stop)
    _name_user(draft)
    if conversation.stream:
        draft.body["stream"] = True
    _tell_ignored(draft)
    message = manner.message(draft.body, at, stream=conversation.stream)
    return Encoded(message, tuple(draft.emulated), tuple(dict.fromkeys(draft.ignored)))


def _check(draft: Draft) -> None:
    sampling = draft.conversation.sampling
    if sampling.n != 1:
        raise draft.refuse("This model gives one answer at a time.", "n", code="unsupported_value")
    if sampling.logprobs is not None:
        raise draft.refuse("This model does not tell how likely its words were.", "logprobs", "top_logprobs")
    if sampling.logit_bias:
        raise draft.refuse("The words of this model cannot be made more or less likely.", "logit_bias")
    if any(not stop.strip() for stop in sampling.stop):
        raise draft.refuse("This model cannot stop at white space.", "stop", code="unsupported_value")


def _sample(draft: Draft) -> None:
    sampling, able = draft.conversation.sampling, draft.able
    temperature = None if sampling.temperature == 1 else sampling.temperature
    top_p = None if sampling.top_p == 1 else sampling.top_p
    if temperature is not None and temperature > 1 and able.sampled:
        raise draft.refuse("This model's 'temperature' is 1 at most.", "temperature", code="unsupported_value")
    thinks = draft.body.get("thinking", {}).get("type") in {"adaptive", "enabled"}
    free = able.sampled and not thinks
    given = {
        "temperature": (temperature, free),
        "top_p": (
            top_p,
            able.sampled
            and not (able.one_of_two and temperature is not None and free)
            and (not thinks or (top_p or 1) >= _LEAST_TOP_P),
        ),
        "top_k": (sampling.top_k, free),
    }
    for name, (value, taken) in given.items():
        if value is not None and taken:
            draft.body[name] = value
        elif value is not None:
            draft.ignore(name)


def _name_user(draft: Draft) -> None:
    user = draft.conversation.user
    # The API refuses names by which somebody could be known, such as an address.
    if user and len(user) <= _MOST_OF_A_USER and "@" not in user:
        draft.body["metadata"] = {"user_id": user}
    elif user:
        draft.ignore("user", "safety_identifier")


def _tell_ignored(draft: Draft) -> None:
    sampling = draft.conversation.sampling
    if sampling.seed is not None:
        draft.ignore("seed")
    if sampling.presence_penalty:
        draft.ignore("presence_penalty")
    if sampling.frequency_penalty:
        draft.ignore("frequency_penalty")
    if any(turn.name for turn in draft.conversation.turns):
        draft.ignored.append("messages.name")
    if unsealed(draft.conversation):
        draft.ignored.append("messages.reasoning_content")
