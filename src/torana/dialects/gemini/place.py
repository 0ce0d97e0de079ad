"""Where Gemini is asked: the Gemini API and Google Cloud differ in their paths, and in a few things they take."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torana.dialects.ways import At

_GENERATION = re.compile(r"gemini-(\d+)")
_NAMELESS = 3
"""The generation of names that stand for whatever is newest, such as ``gemini-flash-latest``."""
_OLDER = 2
REASONING_LEVELS_FROM = 3
"""The generation from which thinking has levels, seals are asked back, and tools go with a shape."""

_FIELDS: Mapping[str, Mapping[str, str]] = {
    "messages": {"response_format": "output_config.format", "reasoning_effort": "output_config.effort"},
    "responses": {
        "messages": "input",
        "response_format": "text.format",
        "reasoning_effort": "reasoning.effort",
    },
    "completions": {"messages": "prompt"},
}
"""What other families call fields of chat completions, where it is not the same."""


@dataclass(frozen=True, slots=True)
class Place:
    """One of the places."""

    path: Callable[[At, str], str] = field(repr=False)
    """The path of a method of the model, such as ``generateContent``."""
    buckets: bool = False
    """Whether it reads ``gs://`` addresses."""
    files: str | None = None
    """What comes before the name of a file that was uploaded there; None where there are none."""
    call_ids: bool = True
    """Whether calls of tools and their results may have ids."""
    counts_requests: bool = True
    """Whether it counts tokens of a whole request, and not of its members."""


def generation(model: str) -> int:
    """Which of Gemini's generations a model is of."""
    found = _GENERATION.match(model)
    if found:
        return int(found[1])
    return _NAMELESS if model.startswith("gemini-") else _OLDER


def named(at: At, field: str) -> str:
    """What the client's family calls a field of chat completions."""
    return _FIELDS.get(at.occasion.request.operation, {}).get(field, field)
