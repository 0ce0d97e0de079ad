"""OpenAI's dialect and Anthropic's, as an upstream speaks them."""

from collections.abc import Iterator

from tests.conformance.saying import ANSWER, PIECES, TOKENS_IN, TOKENS_OUT, Body, events, said

OPENAI_USAGE = {"prompt_tokens": TOKENS_IN, "completion_tokens": TOKENS_OUT, "total_tokens": TOKENS_IN + TOKENS_OUT}
RESPONSES_USAGE = {
    "input_tokens": TOKENS_IN,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": TOKENS_OUT,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": TOKENS_IN + TOKENS_OUT,
}


def openai_chat(body: Body) -> bytes:
    head = {"id": "chatcmpl-1", "created": 1, "model": body.get("model", "m")}
    if not body.get("stream"):
        message = {"role": "assistant", "content": ANSWER, "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        return said({**head, "object": "chat.completion", "choices": [choice], "usage": OPENAI_USAGE})
    head["object"] = "chat.completion.chunk"

    def chunk(delta: Body, finish: str | None = None) -> Body:
        return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}]}

    chunks = [chunk({"role": "assistant", "content": ""}), *(chunk({"content": piece}) for piece in PIECES)]
    chunks.append(chunk({}, "stop"))
    if "stream_options" not in body:
        # As Mistral, which counts without being asked.
        chunks[-1]["usage"] = OPENAI_USAGE
    elif body["stream_options"]["include_usage"]:
        chunks.append({**head, "choices": [], "usage": OPENAI_USAGE})
    return events(*chunks, last=b"data: [DONE]\n\n")


def openai_completions(body: Body) -> bytes:
    head = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": body.get("model", "m")}

    def choice(text: str, finish: str | None) -> Body:
        return {"index": 0, "text": text, "finish_reason": finish, "logprobs": None}

    if not body.get("stream"):
        return said({**head, "choices": [choice(ANSWER, "stop")], "usage": OPENAI_USAGE})
    chunks = [{**head, "choices": [choice(piece, None)]} for piece in PIECES]
    chunks.append({**head, "choices": [choice("", "stop")]})
    if (body.get("stream_options") or {}).get("include_usage"):
        chunks.append({**head, "choices": [], "usage": OPENAI_USAGE})
    return events(*chunks, last=b"data: [DONE]\n\n")


def openai_response(body: Body) -> Body:
    content = {"type": "output_text", "text": ANSWER, "annotations": [], "logprobs": []}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [content]}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "model": body.get("model", "m"),
        "output": [item],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": RESPONSES_USAGE,
        "user": None,
        "metadata": {},
    }


def openai_responses(body: Body) -> bytes:
    whole = openai_response(body)
    if not body.get("stream"):
        return said(whole)
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    (item,) = whole["output"]
    (part,) = item["content"]
    at = {"item_id": "msg_1", "output_index": 0}
    told: list[Body] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {**item, "status": "in_progress", "content": []},
        },
        {"type": "response.content_part.added", **at, "content_index": 0, "part": {**part, "text": ""}},
        *(
            {"type": "response.output_text.delta", **at, "content_index": 0, "delta": piece, "logprobs": []}
            for piece in PIECES
        ),
        {"type": "response.output_text.done", **at, "content_index": 0, "text": ANSWER, "logprobs": []},
        {"type": "response.content_part.done", **at, "content_index": 0, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": whole},
    ]
    return events(*({**each, "sequence_number": number} for number, each in enumerate(told)), named=True)


def openai_compacted(_body: Body) -> bytes:
    summary = {"id": "cmp_1", "type": "compaction", "encrypted_content": ANSWER}
    whole = {"id": "resp_2", "object": "response.compaction", "created_at": 1, "output": [summary]}
    return said({**whole, "usage": RESPONSES_USAGE})


def anthropic_usage(out: int) -> Body:
    return {
        "input_tokens": TOKENS_IN,
        "output_tokens": out,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
    }


def anthropic_told(body: Body) -> Iterator[Body]:
    start = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body.get("model", "m"),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": anthropic_usage(1),
    }
    yield {"type": "message_start", "message": start}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    yield {"type": "ping"}
    for piece in PIECES:
        yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
    yield {"type": "content_block_stop", "index": 0}
    ended = {"stop_reason": "end_turn", "stop_sequence": None}
    yield {"type": "message_delta", "delta": ended, "usage": anthropic_usage(TOKENS_OUT)}
    yield {"type": "message_stop"}


def anthropic_whole(body: Body) -> bytes:
    return said(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": body.get("model", "m"),
            "content": [{"type": "text", "text": ANSWER}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": anthropic_usage(TOKENS_OUT),
        }
    )


def anthropic_messages(body: Body) -> bytes:
    return events(*anthropic_told(body), named=True) if body.get("stream") else anthropic_whole(body)


def anthropic_stream(body: Body) -> bytes:
    return events(*anthropic_told(body), named=True)
