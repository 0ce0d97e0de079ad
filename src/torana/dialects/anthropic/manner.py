"""Who speaks Anthropic's dialect, and in which manner: where the path leads, and what stands in the body."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torana.core.exchange import Message
from torana.dialects.steps import json_message
from torana.dialects.ways import At

VERSION = "2023-06-01"
"""Of the API, where the client names none: the one that every model and every server knows."""
_VERSION_HEADER = "anthropic-version"
_BETA_HEADER = "anthropic-beta"


@dataclass(frozen=True, slots=True)
class Manner:
    """How a server that speaks the dialect is called."""

    path: Callable[[str, bool], str] = field(repr=False)
    """Given the model, and whether the answer is to come as events."""
    version: str | None = None
    """What stands in the body as ``anthropic_version``; None where it is a header: the client's own, or ours."""
    names_model: bool = True
    """Whether the body names the model, and not the path alone."""
    says_stream: bool = True
    """Whether the body says ``stream``, and not the path alone."""
    betas_in_body: bool = False
    """Whether betas stand in the body, as the list ``anthropic_beta``, and not in a header."""

    def message(self, body: Mapping[str, object], at: At, *, stream: bool) -> Message:
        """A request whose body is complete but for what the manner adds; the operator's own fields go first."""
        told = dict(body) | dict(at.parameters)
        forwarded = {name.lower(): value for name, value in at.forwarded}
        headers: list[tuple[str, str]] = []
        if self.version is None:
            headers.append((_VERSION_HEADER, forwarded.get(_VERSION_HEADER, VERSION)))
        else:
            told["anthropic_version"] = self.version
        told.pop("model", None)
        if self.names_model:
            told["model"] = at.model
        if not self.says_stream:
            told.pop("stream", None)
        betas = forwarded.get(_BETA_HEADER)
        if betas and self.betas_in_body:
            told["anthropic_beta"] = [beta.strip() for beta in betas.split(",") if beta.strip()]
        elif betas:
            headers.append((_BETA_HEADER, betas))
        message = json_message("POST", self.path(at.model, stream), told, *headers)
        return _for_events(message) if stream else message


def _for_events(message: Message) -> Message:
    headers = tuple((name, "text/event-stream" if name == "accept" else value) for name, value in message.headers)
    return Message(message.method, message.path, headers, message.body)


DIRECT = Manner(lambda _model, _stream: "/v1/messages")
"""Anthropic's own API, and servers that imitate it."""
COUNTING = Manner(lambda _model, _stream: "/v1/messages/count_tokens")
