"""A request in the making: its body, and what is to be told of how it came about."""

from dataclasses import dataclass, field
from typing import Any

from torana.core.errors import InvalidRequest
from torana.dialects.anthropic.asking.talents import Talents
from torana.dialects.ways import At
from torana.families.language.words import Conversation


@dataclass(slots=True)
class Draft:
    """What is asked of whom, and what has become of it so far."""

    conversation: Conversation
    at: At
    able: Talents
    body: dict[str, Any] = field(default_factory=dict)
    instructions: list[str] = field(default_factory=list)
    """Further ones of ours, for what the model has no field for."""
    forced: bool = False
    """Whether the model must use a tool, before which it cannot think."""
    emulated: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    def name(self, *fields: str) -> str:
        """The client's own name for a field that other families call otherwise."""
        body = self.at.occasion.request.body
        return next((name for name in fields if name in body), fields[0])

    def ignore(self, *fields: str) -> None:
        """Tell that a field had no effect."""
        self.ignored.append(self.name(*fields))

    def refuse(self, message: str, *fields: str, code: str = "unsupported_parameter") -> InvalidRequest:
        """What cannot be asked of the model and must not be left out."""
        return InvalidRequest(message, param=self.name(*fields), code=code)
