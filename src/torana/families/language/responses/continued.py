"""Answers that a conversation goes on from: what is kept of them, and a request that they are added to.

Source: OpenAI's API reference, "Conversation state"; its package's types of responses and input items.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import msgspec
from msgspec import Raw, Struct, structs

from torana.core.errors import InvalidRequest
from torana.families.language.asked import LanguageRequest

CREATE = "responses"
COMPACT = "responses.compact"
_OURS = "resp_t"
"""How the ids of answers begin that were put into these words here: no upstream knows them."""


class Answer(Struct):
    """What must be known of an answer to keep it."""

    id: str = ""
    output: list[Raw] = []


class Kept(Struct):
    """An answer, and all that it is an answer to."""

    response: Raw
    items: list[Raw] | None
    """Everything that went in, oldest first; None where that is too much to keep."""
    account: str = ""
    """Whose upstream has it too, where one has."""

    @property
    def conversation(self) -> list[Raw]:
        """All that was said on either side; InvalidRequest where it is not kept."""
        if self.items is None:
            raise InvalidRequest(
                "This conversation is longer than the gateway keeps. Begin a new one, or send all of it as 'input'.",
                param="previous_response_id",
                code="conversation_too_long",
            )
        return [*self.items, *msgspec.json.decode(self.response, type=Answer).output]


class Continued(LanguageRequest, frozen=True, kw_only=True):
    """A request whose ``input`` begins with all that was said before."""

    sent: LanguageRequest
    """As the client sent it, for an upstream that remembers."""
    account: str
    """Whose upstream that is; none where no upstream does."""
    at_home: bool = False
    """Whether it goes there now."""

    def as_read(self) -> Self:
        """The same in our own writing, and so what the client sent."""
        return structs.replace(self, raw=msgspec.json.encode(self.body), sent=self.sent.as_read())


def own_id(name: str) -> str:
    """The id of an answer of that name that is put into these words here."""
    return f"{_OURS}{name}"


def known_upstream(response_id: str) -> bool:
    """Whether an answer's id is its upstream's."""
    return not response_id.startswith(_OURS)


def is_response(request: object) -> bool:
    """Whether a request is one that may go on from an answer."""
    return isinstance(request, LanguageRequest) and request.operation in {CREATE, COMPACT}


def previous(request: object) -> str | None:
    """The answer that a request goes on from; InvalidRequest where that is no id."""
    if not isinstance(request, LanguageRequest) or not is_response(request):
        return None
    name = request.body.get("previous_response_id")
    if name is not None and not isinstance(name, str):
        raise InvalidRequest(
            "'previous_response_id' must be a text.", param="previous_response_id", code="invalid_type"
        )
    return name or None


def wants_keeping(request: object) -> bool:
    """Whether the answer is to be kept, as it is unless the client says no."""
    return (
        isinstance(request, LanguageRequest) and request.operation == CREATE and request.body.get("store") is not False
    )


def continued(request: LanguageRequest, kept: Kept) -> Continued:
    """The request with all that was said before."""
    items = [*kept.conversation, *input_items(request)]
    members = msgspec.json.decode(request.raw, type=dict[str, Raw])
    members["input"] = Raw(msgspec.json.encode(items))
    raw = msgspec.json.encode(members)
    return Continued(
        operation=request.operation,
        model=request.model,
        body=msgspec.json.decode(raw, type=dict[str, Any]),
        raw=raw,
        stream=request.stream,
        sent=request,
        account=kept.account,
    )


class _Input(Struct):
    input: str | list[Raw] | None = None


def input_items(request: LanguageRequest) -> list[Raw]:
    """What goes in, as items; InvalidRequest where it is neither words nor a list."""
    try:
        given = msgspec.json.decode(request.raw, type=_Input).input
    except msgspec.ValidationError as error:
        raise InvalidRequest(
            "'input' must be a text or a list of items.", param="input", code="invalid_type"
        ) from error
    if given is None:
        return []
    if isinstance(given, str):
        return [Raw(msgspec.json.encode({"role": "user", "content": given}))]
    return given


def resolved(request: LanguageRequest, known: Mapping[str, Raw]) -> LanguageRequest:
    """The request with what its references mean in their place; those that nobody knows stay."""
    items = [known.get(name, item) if (name := referred(item)) else item for item in input_items(request)]
    members = msgspec.json.decode(request.raw, type=dict[str, Raw])
    members["input"] = Raw(msgspec.json.encode(items))
    raw = msgspec.json.encode(members)
    body = msgspec.json.decode(raw, type=dict[str, Any])
    return LanguageRequest(request.operation, request.model, body, raw, request.stream)


class _Reference(Struct):
    id: str | None = None
    type: str | None = None
    role: str | None = None


def referred(item: Raw) -> str | None:
    """The item that an item stands for; None for one that stands for itself."""
    try:
        told = msgspec.json.decode(item, type=_Reference)
    except ValueError:
        return None
    return told.id if told.type == "item_reference" else None


def answer_of(item_id: str) -> str | None:
    """The answer that an item was part of, where the item's id tells it: those of our own making do."""
    kind, _, rest = item_id.partition("_")
    name, _, place = rest.rpartition("_")
    return f"resp_{name}" if kind and place and name.startswith("t") else None


def listed(items: Sequence[Raw], response_id: str) -> list[dict[str, Any]]:
    """Items as they are told to those who ask for them, oldest first: whole, each with an id that stays its own."""
    name = response_id.removeprefix("resp_")
    return [_whole(msgspec.json.decode(item), f"{name}_i{index}") for index, item in enumerate(items)]


_PREFIXES = {"message": "msg", "function_call": "fc", "function_call_output": "fco", "reasoning": "rs"}
_STATED = frozenset({"message", "function_call", "function_call_output"})


def _whole(item: Any, name: str) -> dict[str, Any]:  # noqa: ANN401 - whatever the client sent
    if not isinstance(item, dict):
        return {"id": f"item_{name}", "type": "message", "role": "user", "status": "completed", "content": []}
    kind = str(item.get("type") or "message")
    told = {"type": kind, **item, "id": item.get("id") or f"{_PREFIXES.get(kind, 'item')}_{name}"}
    if kind in _STATED:
        told["status"] = item.get("status") or "completed"
    if kind == "message" and isinstance(content := item.get("content"), str):
        spoken = item.get("role") == "assistant"
        part = {"type": "output_text", "annotations": []} if spoken else {"type": "input_text"}
        told["content"] = [part | {"text": content}]
    return told


def output_by_id(response: Raw) -> Iterable[tuple[str, Raw]]:
    """The items of an answer, by their ids."""
    for item in msgspec.json.decode(response, type=Answer).output:
        name = msgspec.json.decode(item, type=_Reference).id
        if name:
            yield name, item
