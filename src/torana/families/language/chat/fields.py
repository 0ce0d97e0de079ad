"""What the contract says of a chat's fields."""

from collections.abc import Mapping

from torana.families.base import Field

NUMBER: Mapping[str, object] = {"type": "number"}
WHOLE: Mapping[str, object] = {"type": "integer"}
TEXT: Mapping[str, object] = {"type": "string"}
FLAG: Mapping[str, object] = {"type": "boolean"}
OBJECT: Mapping[str, object] = {"type": "object"}
COUNT: Mapping[str, object] = {"type": "integer", "minimum": 1}
OBJECTS: Mapping[str, object] = {"type": "array", "items": {"type": "object"}}
STOP: Mapping[str, object] = {"oneOf": [TEXT, {"type": "array", "items": TEXT}]}
USAGE: Mapping[str, object] = {
    "type": "object",
    "properties": dict.fromkeys(("prompt_tokens", "completion_tokens", "total_tokens"), WHOLE),
}

MODEL = Field("model", TEXT, "The model, as `account/model` or a virtual model's name.", required=True)
N = Field("n", {"type": "integer", "minimum": 1, "maximum": 128}, "How many answers.", nullable=True)
MAX_TOKENS = Field("max_tokens", COUNT, "Tokens of an answer at most.", nullable=True)
STREAM = Field("stream", FLAG, "Whether the answer comes as server-sent events.", nullable=True)
STREAM_OPTIONS = Field(
    "stream_options", OBJECT, "With `include_usage`, a last event tells what was used.", nullable=True
)
SAMPLING = (
    Field("temperature", NUMBER, "How freely words are chosen.", nullable=True),
    Field("top_p", NUMBER, "The share of likely words among which to choose.", nullable=True),
    Field("presence_penalty", NUMBER, "Against words that were said at all.", nullable=True),
    Field("frequency_penalty", NUMBER, "Against words that were said often.", nullable=True),
    Field("logit_bias", OBJECT, "By token, how much more or less likely it is made.", nullable=True),
    Field("stop", STOP, "Texts to stop at.", nullable=True),
    Field("seed", WHOLE, "For answers that can be had again, as far as the upstream can.", nullable=True),
    Field("user", TEXT, "The end user's name."),
)
FIELDS = (
    MODEL,
    Field(
        "messages",
        {**OBJECTS, "minItems": 1},
        "The conversation so far: each message has a `role` and `content`, a text or an array of parts.",
        required=True,
    ),
    Field("tools", OBJECTS, "Functions that the model may have called."),
    Field("tool_choice", {"oneOf": [TEXT, OBJECT]}, "`auto`, `none`, `required`, one function, or `allowed_tools`."),
    Field("parallel_tool_calls", FLAG, "Whether several functions may be called at once."),
    Field("response_format", OBJECT, "`text`, `json_object`, or `json_schema` with a schema of the answer."),
    Field("reasoning_effort", TEXT, "`none`, `minimal`, `low`, `medium`, `high`, `xhigh` or `max`.", nullable=True),
    Field("max_completion_tokens", COUNT, "Tokens of an answer at most, thoughts among them.", nullable=True),
    MAX_TOKENS,
    N,
    *SAMPLING,
    Field("top_k", COUNT, "Of how many likely words to choose.", nullable=True, extension=True),
    Field("logprobs", FLAG, "Whether to tell how likely each token was.", nullable=True),
    Field("top_logprobs", {"type": "integer", "minimum": 0, "maximum": 20}, "How many others to tell.", nullable=True),
    STREAM,
    STREAM_OPTIONS,
)


def answer_schema(kind: str, choice: Mapping[str, object]) -> Mapping[str, object]:
    """The schema of an answer whose choices are such."""
    members = {
        "id": TEXT,
        "object": {"type": "string", "enum": [kind]},
        "created": WHOLE,
        "model": TEXT,
        "choices": {"type": "array", "items": choice},
    }
    return {"type": "object", "properties": {**members, "usage": USAGE}, "required": list(members)}


REPLY_SCHEMA = answer_schema(
    "chat.completion",
    {
        "type": "object",
        "properties": {"index": WHOLE, "message": OBJECT, "finish_reason": TEXT},
        "required": ["index", "message", "finish_reason"],
    },
)
