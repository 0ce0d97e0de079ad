"""Why a call was refused, or would be: what the ledger and the rules say, in sentences."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from torana.admin.calls.books import RowView, row_view
from torana.admin.calls.rules import BUDGETS, GRANTS, LIMITS, RuleView, Sort, known
from torana.admin.calls.weighing import Case, Finding, weigh
from torana.admin.operation import Ask, Desk, Operation
from torana.admin.wire import Nothing, Owner, owner_of
from torana.core.errors import InvalidRequest, NotFound
from torana.core.registry import Subject
from torana.families import listed
from torana.storage.sql.ledger.table import Filter

_MOST = 20
"""Calls of one request id that are told of: a caller may use an id as often as he likes."""
_FAILED = 400


class Wanted(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be explained: a call that was made, or one that might be."""

    request_id: Annotated[str | None, Meta(description="Of a call that was made; then nothing else is given.")] = None
    subject: Annotated[Owner | None, Meta(description="Who might call.")] = None
    key: Annotated[str | None, Meta(description="Id of the virtual key he might use.")] = None
    model: str | None = None
    operation: Annotated[
        str | None, Meta(description="What might be asked; else it is what most of the model's targets can do.")
    ] = None
    metadata: Annotated[
        str | None, Meta(examples=['{"project": "blue"}'], description="As in `x-torana-metadata`: a JSON object.")
    ] = None


class Explanation(Struct, frozen=True, kw_only=True):
    """What there is to say."""

    verdict: Literal["admitted", "refused"]
    sentences: tuple[str, ...]
    rules: Annotated[tuple[RuleView, ...], Meta(description="As they stand now.")]
    calls: Annotated[tuple[RowView, ...], Meta(description="What the ledger has of them.")] = ()


def explain(desk: Desk, ask: Ask[Wanted, Nothing]) -> Explanation:
    """Explains a call that was made, or one that might be."""
    wanted = ask.query
    if wanted.request_id is not None:
        return _made(desk, wanted.request_id)
    if wanted.subject is None or wanted.model is None:
        raise InvalidRequest("Give `request_id`, or `subject` and `model`.", param="request_id", code="missing_field")
    return _explanation([*weigh(desk, _case(desk, wanted, wanted.subject, wanted.model))])


def _explanation(findings: Sequence[Finding], calls: tuple[RowView, ...] = ()) -> Explanation:
    return Explanation(
        verdict="refused" if any(finding.refuses for finding in findings) else "admitted",
        sentences=tuple(finding.sentence for finding in findings),
        rules=tuple(finding.rule for finding in findings if finding.rule),
        calls=calls,
    )


def _case(desk: Desk, wanted: Wanted, written: str, model: str) -> Case:
    kind, name = owner_of(written, param="subject")
    subject = desk.registers.subject(kind, name)
    key = desk.registers.key(wanted.key) if wanted.key else None
    if wanted.key and (key is None or (key.kind, key.owner) != (kind, name)):
        raise NotFound(f"{written} has no key {wanted.key}.", param="key")
    try:
        metadata = msgspec.json.decode(wanted.metadata or "{}", type=dict[str, str])
    except msgspec.DecodeError as error:
        raise InvalidRequest(
            '`metadata` is a JSON object of texts, such as {"project": "blue"}.', param="metadata"
        ) from error
    return Case(
        subject=subject or Subject(kind, name),
        known=subject is not None,
        key=key,
        model=model,
        operation=wanted.operation or _usual(desk, model),
        metadata=metadata,
    )


def _usual(desk: Desk, model: str) -> str:
    """What is likely asked of a model."""
    known = any(plan.model == model for plan in desk.catalog.plans)
    able = desk.catalog.able
    return max(listed.OPERATIONS, key=lambda each: able(model, each)) if known else listed.OPERATIONS[0]


def _made(desk: Desk, request_id: str) -> Explanation:
    calls = tuple(map(row_view, desk.ledger.rows(Filter(request_id=request_id), limit=_MOST)))
    if not calls:
        raise NotFound(f"The ledger has no call with the request id {request_id}.", param="request_id")
    return _explanation([finding for call in calls for finding in _told(desk, call)], calls)


def _told(desk: Desk, call: RowView) -> Iterator[Finding]:
    asked = f"{call.subject} asked for {call.operation}" + (f" with the model '{call.model}'" if call.model else "")
    shown = f", with the key {call.key}" if call.key else ""
    yield Finding(f"{asked} at {call.at:%Y-%m-%d %H:%M:%S} UTC{shown}.")
    if call.rule is not None:
        yield from _refusing(desk, call, call.rule)
    elif call.status >= _FAILED:
        what = "It was refused" if call.target is None else f"It failed at {call.target}"
        yield Finding(f"{what} with status {call.status} ({call.error}), by no rule.", refuses=call.target is None)
    else:
        yield Finding(f"It was let in and answered{f' by {call.target}' if call.target else ''}.")
    yield Finding(_used(call))


def _refusing(desk: Desk, call: RowView, name: str) -> Iterator[Finding]:
    rules = [(sort, rule) for sort in _likely(call.error) if (rule := known(desk, sort, name)) is not None]
    if not rules:
        told = f"It was refused with status {call.status} ({call.error}) by the rule '{name}', which is there no more."
        yield Finding(told, refuses=True)
    for sort, rule in rules[:1]:
        where = "in the configuration file" if rule.source == "file" else "in the database"
        told = f"It was refused with status {call.status} ({call.error}) by the {sort.kind} '{name}', kept {where}."
        yield Finding(told, refuses=True, rule=rule)


def _likely(error: str | None) -> Sequence[Sort]:
    """Kinds of rules, the likeliest first: a limit and a budget may have the same name."""
    if error in {"insufficient_quota", "price_unknown"}:
        return (BUDGETS, LIMITS, GRANTS)
    return (GRANTS, LIMITS, BUDGETS) if error == "model_not_allowed" else (LIMITS, BUDGETS, GRANTS)


def _used(call: RowView) -> str:
    tokens = sum(call.tokens.values())
    images = "" if call.images is None else f"{call.images} images, "
    cost = "cost nobody knows how much" if call.cost is None else f"cost ${call.cost}"
    charged = f" ${call.charged} was charged to {', '.join(call.budgets)}." if call.budgets else ""
    return f"It used {images}{tokens:,} tokens, and {cost}.{charged}"


OPERATIONS = (
    Operation("GET", "/explain", "Explain why a call is let in or refused", explain, Explanation, Wanted, Nothing),
)
