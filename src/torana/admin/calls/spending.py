"""What budgets have been charged, and what they have left."""

from typing import Annotated

from msgspec import Meta, Struct

from torana.admin.calls.rules import BUDGETS, found
from torana.admin.operation import Ask, Desk, Operation
from torana.admin.wire import Money, Nothing, Page, Paged, Time, maybe_time, money, page_of
from torana.config.books import Budget
from torana.core.errors import Conflict
from torana.core.ledger import Spent
from torana.core.money import nanos
from torana.core.periods import Period, period


class SpendView(Struct, frozen=True, kw_only=True):
    """What a share of a budget has been charged in a period."""

    share: Annotated[str, Meta(description="Such as `user=anna`; empty where all draw on the budget together.")]
    period: str
    ends: Annotated[Time | None, Meta(description="When the current period ends; null where it never does.")]
    spent: Money
    limit: Money
    remaining: Annotated[Money, Meta(description="Below zero where a soft budget is overspent.")]


class SpendWanted(Paged, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which period is asked for."""

    period: Annotated[str | None, Meta(description="Such as `2026-01`. Default: the current one.")] = None


def spend(desk: Desk, ask: Ask[SpendWanted, Nothing]) -> Page[SpendView]:
    """A budget's shares in a period, each with what is left of it; those that were not drawn on are not there."""
    name = ask.path["name"]
    budget = BUDGETS.kept(found(desk, BUDGETS, name).rule)
    if not isinstance(budget, Budget):
        raise Conflict(f"This version of the gateway cannot read the budget '{name}'. Write it anew.", param="name")
    current = period(budget.every, desk.clock.now())
    wanted = ask.query.period or current.name
    known = desk.ledger.spent(name, period=wanted)
    views = [spend_view(budget, each, current if wanted == current.name else None) for each in known]
    return page_of(views, ask.query, lambda view: view.share)


def spend_view(budget: Budget, spent: Spent, current: Period | None) -> SpendView:
    """What one share has been charged; ``current`` is the period, where it is the one that now is."""
    limit = nanos(budget.limit)
    return SpendView(
        share=spent.charge.share,
        period=spent.charge.period,
        ends=maybe_time(current.ends) if current else None,
        spent=money(spent.amount),
        limit=money(limit),
        remaining=money(limit - spent.amount),
    )


OPERATIONS = (
    Operation(
        "GET", "/budgets/{name}/spend", "Show what a budget has been charged", spend, Page[SpendView], SpendWanted,
        Nothing, parameters={"name": "The budget's name."},
    ),
)  # fmt: skip
