"""Agents at models that speak another dialect than theirs, by their own clients where there is one in Python."""

import json
from typing import Any

import anthropic
import httpx
import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import Response

from tests.conformance.agents import (
    CLAUDE_CODE,
    CODEX,
    EDITOR,
    TONGUES,
    answering,
    asking,
    event,
    sent,
    streamed,
    whole,
)
from tests.dialects.bedrock.converse import checked

AGENTS = {"messages": CLAUDE_CODE, "responses": CODEX, "chat": EDITOR}
USAGE = {
    "prompt_tokens": 90, "completion_tokens": 30, "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 40}, "completion_tokens_details": {"reasoning_tokens": 20},
}  # fmt: skip


def chunk(delta: dict[str, Any], reason: str | None = None) -> Any:
    return event({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m",
                  "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})  # fmt: skip


def call(index: int, name: str | None = None, arguments: str = "") -> dict[str, Any]:
    named = {} if name is None else {"id": f"call_{name}", "type": "function"}
    return {"tool_calls": [{"index": index, **named, "function": {"name": name, "arguments": arguments}}]}


ENDED = [
    chunk({}, "tool_calls"),
    event({"id": "x", "choices": [], "usage": USAGE}),
    event("[DONE]"),
]
MIXED = [
    chunk({"role": "assistant", "content": ""}),
    chunk({"reasoning_content": "Hm. "}),
    chunk({"reasoning_content": "Yes."}),
    chunk({"content": "I "}),
    chunk({"content": "run."}),
    chunk(call(0, "Bash")),
    chunk(call(1, "Now")),
    chunk(call(0, None, '{"command":')),
    chunk(call(1, None, "{}")),
    chunk(call(0, None, '"ls"}')),
    *ENDED,
]
"""Two calls at once, whose pieces come mixed."""


@pytest.mark.parametrize("tongue", TONGUES)
@pytest.mark.parametrize("agent", AGENTS)
def test_what_agents_send_is_taken_everywhere(agent, tongue):
    if (agent, tongue) == ("messages", "cohere"):
        pytest.skip("it takes no pictures as results of tools")
    body = sent(asking(agent, tongue, AGENTS[agent]))
    assert body
    if tongue == "bedrock":
        checked(body, "ConverseStream")


def test_claude_code_asks_a_model_that_knows_chats():
    asked = asking("messages", "chat", CLAUDE_CODE)
    body = sent(asked)
    assert [message["role"] for message in body["messages"]] == [
        "system", "user", "assistant", "tool", "tool", "user", "user",
    ]  # fmt: skip
    assert [call["id"] for call in body["messages"][2]["tool_calls"]] == ["toolu_1", "toolu_2"]
    assert [message["tool_call_id"] for message in body["messages"][3:5]] == ["toolu_1", "toolu_2"]
    assert [part["type"] for part in body["messages"][5]["content"]] == ["text", "image_url"]
    assert body["messages"][6]["content"] == "Go on."
    assert (body["max_completion_tokens"], body["reasoning_effort"], len(body["user"])) == (32_000, "high", 64)
    assert set(asked.ignored) == {"context_management", "cache_control", "is_error"}
    assert asked.emulated == ("tool_results",)


def test_claude_code_is_answered_by_a_model_that_knows_chats():
    told = streamed(asking("messages", "chat", CLAUDE_CODE), MIXED)
    client = anthropic.Anthropic(api_key="k", base_url="http://a.test", http_client=answering(httpx2, told))
    with client.messages.stream(model="m", max_tokens=9, messages=[{"role": "user", "content": "Hi"}]) as stream:
        assert "".join(stream.text_stream) == "I run."
        message = stream.get_final_message()
    assert [block.type for block in message.content] == ["thinking", "text", "tool_use", "tool_use"]
    calls = [block for block in message.content if block.type == "tool_use"]
    assert [(each.name, each.input) for each in calls] == [("Bash", {"command": "ls"}), ("Now", {})]
    assert message.stop_reason == "tool_use"
    usage = message.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (50, 40, 30)


def test_codex_asks_a_model_that_knows_chats():
    asked = asking("responses", "chat", CODEX)
    body = sent(asked)
    assert [message["role"] for message in body["messages"]] == [
        "system", "system", "user", "assistant", "tool", "tool",
    ]  # fmt: skip
    assert [call["function"]["arguments"] for call in body["messages"][3]["tool_calls"]] == [
        '{"cmd":"ls"}', '{"input":"*** x"}',
    ]  # fmt: skip
    assert [tool["function"]["name"] for tool in body["tools"]] == ["exec_command", "apply_patch"]
    assert (body["reasoning_effort"], body["parallel_tool_calls"]) == ("medium", False)
    assert {"tools.web_search", "prompt_cache_key", "client_metadata", "text.verbosity"} == set(asked.ignored)
    assert asked.emulated == ("tools",)


def test_codex_is_answered_by_a_model_that_knows_chats():
    patch = "*** Begin Patch\n+ü\n*** End Patch"
    arguments = json.dumps({"input": patch})
    answer = [
        chunk({"reasoning_content": "Hm."}),
        chunk(call(0, "exec_command", '{"cmd":"ls"}')),
        chunk(call(1, "apply_patch")),
        *(chunk(call(1, None, arguments[at : at + 5])) for at in range(0, len(arguments), 5)),
        *ENDED,
    ]
    told = streamed(asking("responses", "chat", CODEX), answer)
    client = openai.OpenAI(api_key="k", base_url="http://a.test", http_client=answering(httpx, told))
    with client.responses.stream(model="m", input="Hi") as stream:
        done = [each.item for each in stream if each.type == "response.output_item.done"]
        final = stream.get_final_response()
    assert [item.type for item in done] == ["reasoning", "function_call", "custom_tool_call"]
    assert done[2].type == "custom_tool_call"
    assert done[2].input == patch
    assert [item.type for item in final.output] == [item.type for item in done]
    assert final.usage is not None
    assert (final.usage.input_tokens, final.usage.output_tokens_details.reasoning_tokens) == (90, 20)


USE = {"type": "tool_use", "id": "t", "name": "read"}
TOLD = {"toolUseId": "t", "name": "read"}


@pytest.mark.parametrize("tongue", ["anthropic", "bedrock"])
def test_an_editor_is_answered_in_chunks(tongue):
    events = {
        "anthropic": [
            event({"type": "message_start", "message": {"id": "m", "model": "c", "usage": {"input_tokens": 5}}}),
            event({"type": "content_block_start", "index": 0, "content_block": USE}),
            event({"type": "content_block_stop", "index": 0}),
            event({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 4}}),
            event({"type": "message_stop"}),
        ],
        "bedrock": [
            event({"role": "assistant"}, "messageStart"),
            event({"contentBlockIndex": 0, "start": {"toolUse": TOLD}}, "contentBlockStart"),
            event({"contentBlockIndex": 0}, "contentBlockStop"),
            event({"stopReason": "tool_use"}, "messageStop"),
            event({"usage": {"inputTokens": 5, "outputTokens": 4}}, "metadata"),
        ],
    }  # fmt: skip
    told = streamed(asking("chat", tongue, EDITOR), events[tongue])
    client = openai.OpenAI(api_key="k", base_url="http://a.test", http_client=answering(httpx, told))
    with client.chat.completions.stream(model="m", messages=[{"role": "user", "content": "Hi"}]) as stream:
        for each in stream:
            if each.type == "chunk":
                ChatCompletionChunk.model_validate(each.chunk.model_dump())
        final = stream.get_final_completion()
    called = (final.choices[0].message.tool_calls or [])[0]
    assert (called.function.name, called.function.arguments, called.id) == ("read", "{}", "t")
    assert final.choices[0].finish_reason == "tool_calls"
    assert final.usage is not None
    assert final.usage.total_tokens == 9


def test_a_model_that_will_not_says_so_to_everybody():
    """A refusal without words is no answer that is complete."""
    refused = {"id": "m", "model": "c", "content": [], "stop_reason": "refusal", "usage": {"input_tokens": 1}}
    response = Response.model_validate_json(whole(asking("responses", "anthropic", CODEX), refused))
    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "content_filter"
    told = json.loads(whole(asking("chat", "anthropic", EDITOR), refused))
    assert told["choices"][0]["finish_reason"] == "content_filter"
