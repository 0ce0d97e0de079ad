"""The trace context of W3C that a caller sends, and the way it takes to the upstreams."""

import re
from contextvars import ContextVar, Token
from types import TracebackType

Headers = tuple[tuple[str, str], ...]

CARRIED: ContextVar[Headers] = ContextVar("trace_headers", default=())
"""What upstreams are told of the trace that goes on just now."""

_PARENT = re.compile(r"[ \t]*([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:(-.*)|[ \t]*)")
_MEMBER = re.compile(
    r"(?P<key>[a-z][_0-9a-z\-*/]{0,255}|[a-z0-9][_0-9a-z\-*/]{0,240}@[a-z][_0-9a-z\-*/]{0,13})"
    r"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
_LONGEST_PARENT, _LONGEST_STATE, _MOST_MEMBERS = 512, 8192, 32
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16


class Carrying:
    """Has upstreams told of a trace for as long as the context lasts."""

    __slots__ = ("_headers", "_token")

    def __init__(self, headers: Headers) -> None:
        self._headers = headers
        self._token: Token[Headers] | None = None

    def __enter__(self) -> None:
        self._token = CARRIED.set(self._headers)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token is not None:
            CARRIED.reset(self._token)
            self._token = None


def passed_on(traceparent: str, tracestate: str | None) -> Headers:
    """The headers for upstreams where no spans of ours come between; none where the caller's are no trace context."""
    found = _PARENT.fullmatch(traceparent) if len(traceparent) <= _LONGEST_PARENT else None
    if found is None:
        return ()
    version, trace, span, flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or trace == _NO_TRACE or span == _NO_SPAN:
        return ()
    parent = ("traceparent", f"00-{trace}-{span}-{flags}")
    state = _state(tracestate or "")
    return (parent, ("tracestate", state)) if state else (parent,)


def _state(written: str) -> str:
    """The members as they came; nothing where one of them is none, as the standard wants it."""
    if len(written) > _LONGEST_STATE:
        return ""
    members: dict[str, str] = {}
    for each in written.split(","):
        member = each.strip(" \t")
        if not member:
            continue
        found = _MEMBER.fullmatch(member)
        if found is None or found["key"] in members or len(members) == _MOST_MEMBERS:
            return ""
        members[found["key"]] = member
    return ",".join(members.values())
