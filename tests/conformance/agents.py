"""What agents really send, odd fields and all, and upstreams that they were not made for."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torana.core.exchange import Event
from torana.dialects.anthropic import TONGUE as ANTHROPIC
from torana.dialects.bedrock import BEDROCK
from torana.dialects.cohere import COHERE
from torana.dialects.gemini.place import Place
from torana.dialects.gemini.tongue import tongue as gemini
from torana.dialects.openai_language import tongue as chats
from torana.dialects.openai_language.responses_said import TONGUE as RESPONSES_TONGUE
from torana.dialects.steps import Received
from torana.dialects.translated import Tongue, translated
from torana.dialects.ways import Asking, At
from torana.families.language import chat, completions, messages, responses
from torana.families.language.asked import LanguageRequest
from torana.families.language.chat.family import parse as read_chat
from torana.families.language.messages.operations import read_message
from torana.families.language.responses.family import read_response
from torana.families.language.voice import Occasion, Voice

GEMINI = gemini(Place(lambda at, method: f"/models/{at.model}:{method}"))
TONGUES: Mapping[str, tuple[Tongue, str]] = {
    "chat": (chats(), "gpt-5.6"),
    "responses": (RESPONSES_TONGUE, "gpt-5.6"),
    "anthropic": (ANTHROPIC, "claude-sonnet-4-5"),
    "bedrock": (BEDROCK, "amazon.nova-pro-v1:0"),
    "cohere": (COHERE, "command-a"),
    "gemini": (GEMINI, "gemini-3-pro"),
    "gemini 2": (GEMINI, "gemini-2.5-flash"),
}
FAMILIES: Mapping[str, tuple[Voice, Callable[[bytes], LanguageRequest]]] = {
    "chat": (chat.VOICE, read_chat),
    "completions": (completions.VOICE, completions.parse),
    "messages": (messages.VOICE, read_message),
    "responses": (responses.VOICE, read_response),
}


def asking(family: str, tongue: str, body: Mapping[str, Any] | bytes, model: str | None = None) -> Asking:
    """A request on its way round."""
    voice, parse = FAMILIES[family]
    told, usual = TONGUES[tongue]
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = parse(raw)
    name = model or usual
    return translated(voice, told)(request, At(name, Occasion(request, 1_800_000_000, "ab" * 12, name)))


def sent(asked: Asking) -> dict[str, Any]:
    """What goes to the upstream."""
    told: dict[str, Any] = json.loads(b"".join(piece for piece in asked.message.body if isinstance(piece, bytes)))
    return told


def whole(asked: Asking, answer: Any) -> bytes:
    """What the client gets, whole."""
    return asked.plain(Received(200, {}, json.dumps(answer).encode())).data


def event(said: Any, name: str = "message") -> Event:
    """An upstream's."""
    return Event(name, said.encode() if isinstance(said, str) else json.dumps(said).encode())


def streamed(asked: Asking, events: Iterable[Event]) -> bytes:
    """What the client gets, in pieces."""
    assert asked.relay is not None
    relay = asked.relay()
    told = b"".join(frame for each in events for frame in relay.take(each))
    return told + b"".join(relay.close())


def answering(library: Any, data: bytes) -> Any:
    """A client of HTTP, of the library that an official client uses, whose every request is answered so."""

    def answer(_request: object) -> Any:
        return library.Response(200, headers={"content-type": "text/event-stream"}, content=data)

    return library.Client(transport=library.MockTransport(answer))


TOOL_SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"command": {"type": "string"}, "timeout": {"type": "number", "exclusiveMinimum": 0}},
    "required": ["command"],
    "additionalProperties": False,
}
KEEP = {"type": "ephemeral", "ttl": "1h"}
PICTURE = "iVBORw0KGgo="
CLAUDE_CODE: Mapping[str, Any] = {
    "model": "m",
    "max_tokens": 32_000,
    "system": [
        {"type": "text", "text": "x-billing-header: cc_version=2.1"},
        {"type": "text", "text": "You are an agent.", "cache_control": KEEP},
    ],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "<reminder/>"}, {"type": "text", "text": "List files."}]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": ""},
                {"type": "text", "text": "I look."},
                {
                    "type": "tool_use",
                    "id": "toolu_1",
                    "name": "Bash",
                    "input": {"command": "ls"},
                    "caller": {"type": "direct"},
                },
                {"type": "tool_use", "id": "toolu_2", "name": "Bash", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "a.txt\nb.txt", "is_error": False},
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_2",
                    "content": [
                        {"type": "text", "text": "Exit code 1"},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}},
                    ],
                    "is_error": True,
                },
                {"type": "text", "text": "Go on.", "cache_control": KEEP},
            ],
        },
    ],
    "tools": [
        {"name": "Bash", "description": "Runs.", "input_schema": TOOL_SCHEMA, "eager_input_streaming": True},
        {"name": "Now", "input_schema": {"type": "object", "properties": {}}, "defer_loading": False},
    ],
    "metadata": {"user_id": json.dumps({"device_id": "d" * 64, "account_uuid": "", "session_id": "s" * 36})},
    "thinking": {"type": "adaptive"},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "output_config": {"effort": "high"},
    "temperature": 1,
    "stream": True,
}
CODEX: Mapping[str, Any] = {
    "model": "m",
    "instructions": "You are a coding agent.",
    "input": [
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "<permissions/>"}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Fix it."}]},
        {"type": "reasoning", "summary": [], "content": None, "encrypted_content": "gAAAAsealed"},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "I look."}],
            "phase": "commentary",
        },
        {"type": "function_call", "name": "exec_command", "arguments": '{"cmd":"ls"}', "call_id": "call_1"},
        {
            "type": "custom_tool_call",
            "status": "completed",
            "call_id": "call_2",
            "name": "apply_patch",
            "input": "*** x",
        },
        {"type": "function_call_output", "call_id": "call_1", "output": "a.txt"},
        {"type": "custom_tool_call_output", "call_id": "call_2", "output": "Done!"},
    ],
    "tools": [
        {
            "type": "function",
            "name": "exec_command",
            "description": "Runs.",
            "strict": False,
            "parameters": TOOL_SCHEMA,
        },
        {
            "type": "custom",
            "name": "apply_patch",
            "description": "Edits files.",
            "format": {"type": "grammar", "syntax": "lark", "definition": "start: begin_patch"},
        },
        {"type": "web_search", "external_web_access": False},
    ],
    "tool_choice": "auto",
    "parallel_tool_calls": False,
    "reasoning": {"effort": "medium", "summary": "auto"},
    "store": False,
    "stream": True,
    "include": ["reasoning.encrypted_content"],
    "prompt_cache_key": "0199",
    "text": {"verbosity": "low"},
    "client_metadata": {"x-codex-installation-id": "1"},
}
EDITOR: Mapping[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "Edit."},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}], "name": "anna"},
        {
            "role": "assistant",
            "content": None,
            "refusal": None,
            "audio": None,
            "annotations": [],
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "read", "arguments": '{"a":"\ud83d\ude00"}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "name": "read", "content": ""},
        {"role": "user", "content": "Go on."},
    ],
    "tools": [{"type": "function", "name": "read", "description": "Reads.", "parameters": TOOL_SCHEMA}],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "stream": True,
    "stream_options": {"include_usage": True, "include_obfuscation": False},
    "store": False,
    "metadata": {"chat_id": "1"},
    "verbosity": "low",
    "prompt_cache_key": "k",
    "logprobs": False,
    "n": 1,
    "stop": [],
    "user": "anna@example.com",
}
