"""Gemini's dialect, Bedrock's, Cohere's, and what is no conversation, as an upstream speaks them."""

import base64
import json
import struct

from tests.conformance.plays_openai import anthropic_told, anthropic_whole
from tests.conformance.saying import (
    ANSWER,
    PIECES,
    SOUND,
    TOKENS_IN,
    TOKENS_OUT,
    VECTORS,
    Body,
    aws_events,
    events,
    http,
    said,
)


def bedrock_invoked_stream(body: Body) -> bytes:
    wrapped = (base64.b64encode(json.dumps(each).encode()).decode() for each in anthropic_told(body))
    return aws_events(*(("chunk", {"bytes": each}) for each in wrapped))


GEMINI_USAGE = {
    "promptTokenCount": TOKENS_IN,
    "candidatesTokenCount": TOKENS_OUT,
    "totalTokenCount": TOKENS_IN + TOKENS_OUT,
}


def gemini_said(text: str, *, last: bool) -> Body:
    candidate: Body = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
    if last:
        candidate["finishReason"] = "STOP"
    return {"candidates": [candidate], "usageMetadata": GEMINI_USAGE, "modelVersion": "m", "responseId": "r1"}


def gemini_whole(_body: Body) -> bytes:
    return said(gemini_said(ANSWER, last=True))


def gemini_stream(_body: Body) -> bytes:
    return events(*(gemini_said(piece, last=piece == PIECES[-1]) for piece in PIECES))


def gemini_vectors(body: Body) -> bytes:
    return said({"embeddings": [{"values": vector} for vector in VECTORS[: len(body["requests"])]]})


def vertex_vectors(body: Body) -> bytes:
    statistics = {"token_count": TOKENS_IN, "truncated": False}
    vectors = VECTORS[: len(body["instances"])]
    return said({"predictions": [{"embeddings": {"values": each, "statistics": statistics}} for each in vectors]})


def bedrock_whole(_body: Body) -> bytes:
    return said(
        {
            "output": {"message": {"role": "assistant", "content": [{"text": ANSWER}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": TOKENS_IN, "outputTokens": TOKENS_OUT, "totalTokens": TOKENS_IN + TOKENS_OUT},
            "metrics": {"latencyMs": 1},
        }
    )


def bedrock_stream(_body: Body) -> bytes:
    return aws_events(
        ("messageStart", {"role": "assistant"}),
        *(("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}}) for piece in PIECES),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("messageStop", {"stopReason": "end_turn"}),
        (
            "metadata",
            {
                "usage": {
                    "inputTokens": TOKENS_IN,
                    "outputTokens": TOKENS_OUT,
                    "totalTokens": TOKENS_IN + TOKENS_OUT,
                },
                "metrics": {"latencyMs": 1},
            },
        ),
    )


def bedrock_invoked(body: Body) -> bytes:
    if "query" in body:
        return ranked(body)
    if "inputText" in body:
        return said({"embedding": VECTORS[0], "inputTextTokenCount": TOKENS_IN})
    if "texts" in body:
        vectors = [list(each) for each in VECTORS[: len(body["texts"])]]
        return said({"id": "e1", "embeddings": {"float": vectors}, "response_type": "embeddings_by_type"})
    return anthropic_whole(body)


COHERE_USAGE = {
    "billed_units": {"input_tokens": TOKENS_IN, "output_tokens": TOKENS_OUT},
    "tokens": {"input_tokens": TOKENS_IN, "output_tokens": TOKENS_OUT},
}


def cohere_chat(body: Body) -> bytes:
    if not body.get("stream"):
        message = {"role": "assistant", "content": [{"type": "text", "text": ANSWER}]}
        return said({"id": "c1", "finish_reason": "COMPLETE", "message": message, "usage": COHERE_USAGE})
    empty = {"type": "text", "text": ""}
    told: list[Body] = [
        {"type": "message-start", "id": "c1", "delta": {"message": {"role": "assistant"}}},
        {"type": "content-start", "index": 0, "delta": {"message": {"content": empty}}},
        *(
            {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": piece}}}}
            for piece in PIECES
        ),
        {"type": "content-end", "index": 0},
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": COHERE_USAGE}},
    ]
    return events(*told, named=True)


def cohere_vectors(body: Body) -> bytes:
    vectors = [list(each) for each in VECTORS[: len(body["texts"])]]
    meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": TOKENS_IN}}
    return said({"id": "e1", "embeddings": {"float": vectors}, "texts": body["texts"], "meta": meta})


def ranked(body: Body) -> bytes:
    """Every shape of reranking at once: each client looks for its own members."""
    if "texts" in body:
        return said([{"index": 1, "score": 0.75}, {"index": 0, "score": 0.25}])
    results = [{"index": 1, "relevance_score": 0.75}, {"index": 0, "relevance_score": 0.25}]
    return said(
        {
            "id": "r1",
            "object": "list",
            "model": body.get("model", "m"),
            "results": results,
            "data": results,
            "usage": {"total_tokens": TOKENS_IN},
            "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
        }
    )


def openai_vectors(body: Body) -> bytes:
    wanted = body["input"]
    count = len(wanted) if isinstance(wanted, list) and not isinstance(wanted[0], int) else 1
    packed = body.get("encoding_format") == "base64"
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": base64.b64encode(struct.pack("<3f", *vector)).decode() if packed else list(vector),
        }
        for index, vector in enumerate(VECTORS[:count])
    ]
    usage = {"prompt_tokens": TOKENS_IN, "total_tokens": TOKENS_IN}
    return said({"object": "list", "data": data, "model": body.get("model", "m"), "usage": usage})


CATEGORIES = (
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm",
    "self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors", "violence", "violence/graphic",
)  # fmt: skip


def moderated(_body: Body) -> bytes:
    result = {
        "flagged": False,
        "categories": dict.fromkeys(CATEGORIES, False),
        "category_scores": dict.fromkeys(CATEGORIES, 0.01),
        "category_applied_input_types": {name: ["text"] for name in CATEGORIES},
    }
    return said({"id": "modr-1", "model": "m", "results": [result]})


def spoken(_body: Body) -> bytes:
    return http(SOUND, kind="audio/mpeg")


def transcribed(_body: Body) -> bytes:
    return said({"text": ANSWER, "usage": {"type": "duration", "seconds": 3}})
