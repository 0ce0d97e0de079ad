"""The words in a request or an answer, whatever API's it is: found, and put back in place."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Change = Callable[[str], str]

_SPOKEN = frozenset({
    "messages", "contents", "input", "inputs", "system", "system_instruction", "systemInstruction", "prompt", "suffix",
    "negative_prompt", "instructions", "documents", "query", "queries", "texts", "choices", "content", "output",
    "output_text", "message", "text", "refusal", "results", "candidates", "segments", "words",
    "prediction", "chat_template", "chat_template_kwargs",
})  # fmt: skip
"""Members of a body in which somebody says something."""
_LABELS = frozenset({
    "id", "type", "role", "name", "model", "object", "status", "index", "finish_reason", "stop_reason", "call_id",
    "tool_call_id", "tool_use_id", "signature", "thought_signature", "thoughtSignature", "encrypted_content",
    "media_type", "mime_type", "mimeType", "detail", "format", "cache_control", "b64_json", "file_id", "file_data",
    "data", "url", "uri", "fileUri", "image_url", "file_url", "embedding", "logprobs", "parameters", "schema",
    "input_schema", "categories", "category_scores",
})  # fmt: skip
"""Members below these that say nothing: names, addresses, bytes, numbers."""
_FREE = frozenset({"arguments", "args", "response", "partial_json"})
"""Members in which a tool's own names stand: nothing there is a label."""
_TURNS = ("messages", "contents", "input")
_LOGPROBS = "logprobs"


def texts(document: Mapping[str, Any]) -> list[str]:
    """All that is said in it."""
    found: list[str] = []

    def note(text: str) -> str:
        found.append(text)
        return text

    rewritten(document, note)
    return found


def rewritten(document: Mapping[str, Any], change: Change) -> Mapping[str, Any]:
    """The document with each text as ``change`` gives it back; the same one where none is changed."""
    changed = {
        name: value if name not in _SPOKEN or _is_setting(name, value) else _spoken(value, change)
        for name, value in document.items()
    }
    return changed if _differ(changed, document) else document


def last(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """What of a request is said last: of a conversation its last message, and nothing that stands around it."""
    for name in _TURNS:
        turns = document.get(name)
        if isinstance(turns, list) and turns and isinstance(turns[-1], Mapping):
            return {name: turns[-1:]}
    return document


def with_last(document: Mapping[str, Any], end: Mapping[str, Any]) -> Mapping[str, Any]:
    """The document that ``end``, changed or not, is the last of."""
    turns = {name: [*document[name][:-1], *value] for name, value in end.items() if name in _TURNS}
    return {**document, **end} if len(turns) != 1 or len(end) != 1 else {**document, **turns}


def without_odds(document: Any) -> Any:  # noqa: ANN401 - JSON
    """The answer without its tokens' odds, which would say again what was replaced."""
    if isinstance(document, Mapping):
        return {name: _none(value) if name == _LOGPROBS else without_odds(value) for name, value in document.items()}
    return [without_odds(item) for item in document] if isinstance(document, list) else document


def pictures(document: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """The pictures in it, as addresses, of which most are data URIs."""
    if isinstance(document, list):
        for item in document:
            yield from pictures(item)
    if not isinstance(document, Mapping):
        return
    source = document.get("source")
    if isinstance(source, Mapping) and isinstance(source.get("data"), str) and document.get("type") == "image":
        yield f"data:{source.get('media_type')};base64,{source['data']}"
    inline = document.get("inlineData", document.get("inline_data"))
    if isinstance(inline, Mapping) and isinstance(inline.get("data"), str):
        yield f"data:{inline.get('mimeType', inline.get('mime_type'))};base64,{inline['data']}"
    for name, value in document.items():
        if name == "image_url":
            address = value.get("url") if isinstance(value, Mapping) else value
            yield from (address,) if isinstance(address, str) else ()
        elif isinstance(value, Mapping | list):
            yield from pictures(value)


def _is_setting(name: str, value: object) -> bool:
    """OpenAI's responses are asked for their form under a name that elsewhere has words."""
    return name == "text" and isinstance(value, Mapping)


def _spoken(value: Any, change: Change, *, free: bool = False) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        items = [_spoken(item, change, free=free) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if isinstance(value, Mapping):
        members = {name: _member(value, name, change, free=free) for name in value}
        return members if _differ(members, value) else value
    return value


def _member(around: Mapping[str, Any], name: str, change: Change, *, free: bool) -> Any:  # noqa: ANN401 - JSON
    value = around[name]
    if free or name in _FREE or (name == "input" and isinstance(value, Mapping)):
        return _spoken(value, change, free=True)
    # A plain document in a message has its words where a picture has its bytes.
    if name in _LABELS and not (name == "data" and around.get("type") == "text"):
        return value
    return _spoken(value, change)


def _differ(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return any(one[name] is not other[name] for name in one)


def _none(value: object) -> list[Any] | None:
    return [] if isinstance(value, list) else None
