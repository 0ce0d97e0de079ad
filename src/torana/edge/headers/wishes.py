"""What a caller says of a call beside its body: read from his headers, and checked before anything is spent.

Each header has a name of ours, ``x-torana-*``, and the one that clients of the contract's own gateway send,
``x-tfy-*``; where both come, ours counts.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from torana.core.errors import InvalidRequest
from torana.core.exchange import CacheWish, Credentials, GuardWish, Wishes

T = TypeVar("T")

Header = Callable[[str], str | None]
"""Gives a request's header by its lower-case name; None where it was not sent."""

LONGEST_KEPT = 259_200
"""Seconds for which a caller may have an answer kept: three days, as in the contract."""

OWN = "x-t"
"""How the names of all headers begin that are the gateway's own, and not many others' do."""

_PREFIXES = ("x-torana-", "x-tfy-")
_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ID = re.compile(r"[!-~]{1,128}")
_MILLISECONDS = re.compile(r"[1-9][0-9]{0,8}")
_SCOPE = re.compile(r"all|last")
_TRUTH = re.compile(r"true|false", re.IGNORECASE)

_Key = Annotated[str, Meta(max_length=64)]
_Value = Annotated[str, Meta(max_length=128)]
_Metadata = Annotated[dict[_Key, _Value], Meta(max_length=16)]
_Name = Annotated[str, Meta(min_length=1, max_length=128)]
_Names = Annotated[tuple[_Name, ...], Meta(max_length=16)]
_Statuses = Annotated[frozenset[Annotated[int, Meta(ge=400, le=599)]], Meta(max_length=64)]


class _Retries(Struct, frozen=True, rename="camel"):
    attempts: Annotated[int, Meta(ge=0, le=100)] | None = None
    on_status_codes: _Statuses | None = None
    use_retry_after_header: bool | None = None


class _Logging(Struct, frozen=True):
    enabled: bool = True
    tracing_project_fqn: Annotated[str, Meta(max_length=256)] | None = None


class _Cache(Struct, frozen=True):
    type: Literal["exact-match", "semantic"]
    similarity_threshold: Annotated[float, Meta(ge=0, le=1)] | None = None
    ttl: Annotated[float, Meta(gt=0, le=LONGEST_KEPT)] | None = None
    namespace: _Name | None = None


class _Guards(Struct, frozen=True):
    llm_input_guardrails: _Names = ()
    llm_output_guardrails: _Names = ()
    input_guardrails: _Names = ()
    output_guardrails: _Names = ()
    mcp_tool_pre_invoke_guardrails: _Names = ()
    mcp_tool_post_invoke_guardrails: _Names = ()


class Said(Struct, frozen=True):
    """All that a caller's headers say of his call."""

    credentials: Credentials
    wishes: Wishes
    metadata: Mapping[str, str] = {}
    first_within: float = math.inf


class _Said(Struct, frozen=True):
    """A header as it was sent."""

    name: str
    text: str


_UNWISHED = Wishes()


def said(header: Header) -> Said:
    """Everything; InvalidRequest names the header that says nothing we know."""
    return Said(credentials(header), wishes(header), metadata(header), first_within(header))


def said_by_others(header: Header) -> Said:
    """The same of a caller who sent no header of the gateway's own, as most do."""
    shown = _shown(header)
    return Said(shown, _UNWISHED if header("cache-control") is None else wishes(header))


def credentials(header: Header) -> Credentials:
    """What the caller shows; other vendors' clients have headers of their own for it.

    A header of the gateway's own counts above all others: the rest are then meant for somebody else.
    """
    own = _said(header, "api-key")
    return _shown(header) if own is None else Credentials(None, own.text)


def _shown(header: Header) -> Credentials:
    return Credentials(header("authorization"), header("x-api-key") or header("api-key"))


def metadata(header: Header) -> dict[str, str]:
    """What he says of the call; InvalidRequest when it is no JSON object of short texts."""
    said = _said(header, "metadata")
    if said is None:
        return {}
    return _decoded(said, _Metadata, "a JSON object of at most 16 texts, each of at most 128 characters")


def first_within(header: Header) -> float:
    """Seconds that a target may take for the first piece of its answer."""
    return _seconds(header, "ttft-timeout-ms")


def wishes(header: Header) -> Wishes:
    """How he wants the call done; InvalidRequest names the header that says nothing we know."""
    retries = _retries(header)
    # He who wants nothing logged wants no conversation pieced together from logs either.
    logged = _is_logged(header)
    directives = {each.strip().lower() for each in (header("cache-control") or "").split(",")}
    conversation = _matched(header, "conversation-id", _ID, "1 to 128 visible ASCII characters")
    return Wishes(
        provider=_matched(header, "provider-name", _ACCOUNT, "the name of a provider account"),
        attempts=None if retries.attempts is None else max(retries.attempts, 1),
        on_statuses=retries.on_status_codes,
        request_timeout=_seconds(header, "request-timeout"),
        conversation=conversation if logged else None,
        strict_openai=_is_true(header, "strict-openai"),
        cache=_cache(header),
        guards=_guards(header),
        afresh="no-cache" in directives,
        unkept="no-store" in directives,
    )


def _retries(header: Header) -> _Retries:
    said = _said(header, "retry-config")
    if said is None:
        return _Retries()
    return _decoded(said, _Retries, 'a JSON object such as {"attempts": 2, "onStatusCodes": [429, 503]}')


def _is_logged(header: Header) -> bool:
    said = _said(header, "logging-config")
    return said is None or _decoded(said, _Logging, 'a JSON object such as {"enabled": false}').enabled


def _cache(header: Header) -> CacheWish | None:
    said = _said(header, "cache-config")
    if said is None:
        return None
    wanted = _decoded(
        said, _Cache, f'a JSON object such as {{"type": "exact-match", "ttl": 600}}, with a ttl up to {LONGEST_KEPT:,}'
    )
    return CacheWish(wanted.type, wanted.similarity_threshold, wanted.ttl, wanted.namespace)


def _guards(header: Header) -> GuardWish | None:
    said = _said(header, "guardrails")
    scope = _matched(header, "guardrails-scope", _SCOPE, "'all' or 'last'")
    if said is None:
        return None if scope is None else GuardWish(last_only=scope == "last")
    wanted = _decoded(
        said, _Guards, 'a JSON object such as {"llm_input_guardrails": ["name"]}, of at most 16 names each'
    )
    return GuardWish(
        before=(*wanted.llm_input_guardrails, *wanted.input_guardrails),
        after=(*wanted.llm_output_guardrails, *wanted.output_guardrails),
        last_only=scope == "last",
    )


def _said(header: Header, what: str) -> _Said | None:
    for prefix in _PREFIXES:
        text = header(prefix + what)
        if text is not None:
            return _Said(prefix + what, text)
    return None


def _matched(header: Header, what: str, pattern: re.Pattern[str], wanted: str) -> str | None:
    said = _said(header, what)
    if said is not None and not pattern.fullmatch(said.text):
        raise _wrong(said, wanted)
    return None if said is None else said.text


def _seconds(header: Header, what: str) -> float:
    text = _matched(header, what, _MILLISECONDS, "a whole number of milliseconds, from 1 to 999,999,999")
    return math.inf if text is None else int(text) / 1000


def _is_true(header: Header, what: str) -> bool:
    text = _matched(header, what, _TRUTH, "'true' or 'false'")
    return text is not None and text.lower() == "true"


def _decoded(said: _Said, kind: type[T], wanted: str) -> T:
    try:
        return msgspec.json.decode(said.text, type=kind)
    except (ValueError, RecursionError) as error:
        raise _wrong(said, wanted) from error


def _wrong(said: _Said, wanted: str) -> InvalidRequest:
    return InvalidRequest(f"The header {said.name} must be {wanted}.", param=said.name)
