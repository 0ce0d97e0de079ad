"""``POST /moderations``: whether texts and pictures are harmful, and in which ways.

Shapes: OpenAI's ``CreateModerationRequest`` and ``CreateModerationResponse``. Theirs needs no ``model``; here it says
who is asked, so that it must be there.
"""

from torana.core.errors import InvalidRequest
from torana.families.base import Family, Field
from torana.families.language.asked import Spoken, read_request, write_spoken
from torana.families.language.embeddings import UntoldRequest

MODERATE = "moderations"


def read_moderation(raw: bytes) -> UntoldRequest:
    """The request of a body; InvalidRequest names what is wrong."""
    read = read_request(MODERATE, raw, "input")
    given = read.body["input"]
    if not isinstance(given, str | list) or given == []:
        raise InvalidRequest("'input' must be a text, or a list that is not empty.", param="input")
    return UntoldRequest(MODERATE, read.model, read.body, raw)


_PART = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "enum": ["text", "image_url"]},
        "text": {"type": "string"},
        "image_url": {"type": "object", "properties": {"url": {"type": "string"}}, "required": ["url"]},
    },
    "required": ["type"],
}
_INPUT = [
    {"type": "string"},
    {"type": "array", "items": {"type": "string"}, "minItems": 1},
    {"type": "array", "items": _PART, "minItems": 1},
]
_BY_CATEGORY = {"categories": "boolean", "category_scores": "number"}

MODERATIONS: Family[UntoldRequest, Spoken] = Family(
    operation=MODERATE,
    method="POST",
    path="/moderations",
    tag="Moderations",
    summary="Create Moderation",
    description="Says whether texts and pictures are harmful, and in which ways.",
    takes="The texts or pictures.",
    gives="A verdict for each text, or one for all parts together.",
    json_fields=(
        Field("model", {"type": "string", "maxLength": 256}, "The model to use.", required=True),
        Field("input", {"anyOf": _INPUT}, "A text, several, or parts that are texts and pictures.", required=True),
    ),
    reply_schema={
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "model": {"type": "string"},
            "results": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "flagged": {"type": "boolean"},
                        **{
                            name: {"type": "object", "additionalProperties": {"type": kind}}
                            for name, kind in _BY_CATEGORY.items()
                        },
                    },
                    "required": ["flagged"],
                },
            },
        },
        "required": ["id", "model", "results"],
    },
    parse=read_moderation,
    ignored=lambda _: (),
    write=write_spoken,
)
