"""The names that answers are kept under: the same for calls whose answers may stand for each other, and no others."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from hashlib import sha256
from typing import Any

import msgspec

from torana.core.exchange import Target

_STREAM = frozenset({"stream", "stream_options"})
_WHO = frozenset({"user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"})
_WITHOUT: Mapping[str, frozenset[str]] = {
    "chat.completions": _STREAM | _WHO,
    "completions": _STREAM | _WHO,
    # It holds nothing but who the user is.
    "messages": frozenset({"stream", "metadata"}),
    # Answers show everything else that was asked.
    "responses": _STREAM,
    "embeddings": frozenset({"user"}),
}
"""Members of a request that change nothing of what is answered."""


@dataclass(frozen=True, slots=True)
class Sought:
    """All that makes two answers the same."""

    operation: str
    model: str
    body: Mapping[str, Any]
    targets: tuple[Target, ...]
    """Where the call may go, and how it is asked there."""
    editions: tuple[str, ...]
    """What tells these targets' accounts from what they were under another configuration."""
    guards: str
    """What was checked of the request and will be of its answer."""
    headers: tuple[tuple[str, str], ...] = ()
    """What of the caller's headers changes the answer."""


def name_of(sought: Sought, *, namespace: tuple[str, ...], owner: str | None) -> str:
    """A name, in hexadecimal: nobody can tell from it what was asked."""
    without = _WITHOUT.get(sought.operation, frozenset())
    asked = {name: value for name, value in sought.body.items() if name not in without}
    told = (*(getattr(sought, each.name) for each in fields(sought) if each.name != "body"), asked, namespace, owner)
    return sha256(msgspec.json.encode(told, order="sorted")).hexdigest()
