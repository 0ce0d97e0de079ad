"""Whether a call would be let in now, as far as the settings, the registers and the ledger know: one finding each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torana.admin.calls.rules import BUDGETS, GRANTS, LIMITS, RuleView, every
from torana.admin.calls.spending import spend_view
from torana.admin.operation import Desk
from torana.config.access import Grant
from torana.config.books import Budget
from torana.config.policies import Limit
from torana.core.errors import CallerError
from torana.core.exchange import Plan, Principal
from torana.core.ledger import Charge, Spent
from torana.core.money import nanos
from torana.core.periods import period
from torana.core.registry import Key, Subject
from torana.policy.access import Access
from torana.policy.matching import Facts, apart, fits


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is so, and the rule behind it."""

    sentence: str
    refuses: bool = False
    rule: RuleView | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A call that might be made."""

    subject: Subject
    known: bool
    """Whether the registers know him; of others a token may say more than is known here."""
    key: Key | None
    model: str
    operation: str
    metadata: Mapping[str, str]

    @property
    def principal(self) -> Principal:
        """As whom he would call."""
        return Principal(
            self.subject.name,
            "torana",
            teams=self.subject.teams,
            roles=self.subject.roles,
            models=self.key.models if self.key else None,
            kind=self.subject.kind,
            key=self.key.id if self.key else None,
        )

    @property
    def facts(self) -> Facts:
        """What rules look at in it."""
        return Facts(self.principal, self.model, self.operation, self.metadata)


def weigh(desk: Desk, case: Case) -> Iterator[Finding]:
    """All that counts for a call, in the order in which the gateway looks at it."""
    yield from _caller(desk, case)
    try:
        plan = desk.catalog.plan(case.model, case.operation)
    except CallerError as error:
        yield Finding(error.message, refuses=True)
        return
    yield from _access(desk, case, plan)
    yield from _limits(desk, case)
    yield from _budgets(desk, case)


def _caller(desk: Desk, case: Case) -> Iterator[Finding]:
    name = case.principal.name
    if not case.known:
        yield Finding(f"{name} has no entry here: what his token says of teams and models is not known.")
    elif case.subject.disabled:
        yield Finding(f"{name} is disabled.", refuses=True)
    else:
        yield Finding(f"{name} is in {_named('the team', 'the teams', case.subject.teams) or 'no team'}.")
    key = case.key
    if key is not None:
        ended = key.revoked is not None or (key.expires is not None and key.expires <= desk.clock.now())
        state = "revoked or has expired" if ended else "good"
        yield Finding(f"The key {key.id} is {state}.", refuses=ended)


def _access(desk: Desk, case: Case, plan: Plan) -> Iterator[Finding]:
    if not Access("all", ()).may_use(case.principal, plan, case.operation):
        yield Finding(f"The key does not allow the model '{case.model}'.", refuses=True)
    if desk.settings.access.default == "all":
        yield Finding("No grant is needed: `access.default` is `all`.")
        return
    fitting = [
        rule
        for rule in every(desk, GRANTS)
        if isinstance(grant := GRANTS.kept(rule.rule), Grant)
        and Access("granted", (grant,)).may_use(case.principal, plan, case.operation)
    ]
    for rule in fitting:
        yield Finding(f"The grant '{rule.name}' allows it.", rule=rule)
    if not fitting:
        yield Finding("No grant allows it, and `access.default` is `granted`.", refuses=True)


def _limits(desk: Desk, case: Case) -> Iterator[Finding]:
    for rule in every(desk, LIMITS):
        limit = LIMITS.kept(rule.rule)
        if isinstance(limit, Limit) and fits(limit.when, case.facts):
            each = f" for each {', '.join(limit.per)}" if limit.per else ""
            amount = "at once" if limit.of == "concurrent" else f"{limit.of} every {limit.every}"
            yield Finding(f"The limit '{rule.name}' counts it: {limit.limit:,} {amount}{each}.", rule=rule)


def _budgets(desk: Desk, case: Case) -> Iterator[Finding]:
    for rule in every(desk, BUDGETS):
        budget = BUDGETS.kept(rule.rule)
        if isinstance(budget, Budget) and fits(budget.when, case.facts):
            yield from _spending(desk, case, rule, budget)


def _spending(desk: Desk, case: Case, rule: RuleView, budget: Budget) -> Iterator[Finding]:
    current = period(budget.every, desk.clock.now())
    known = {each.charge.share: each for each in desk.ledger.spent(budget.name, period=current.name)}
    share = apart(budget.per, case.facts)
    spent = known.get(share, Spent(Charge(budget.name, share, current.name), 0))
    view = spend_view(budget, spent, current)
    whose = f" of {share}" if share else ""
    told = f"The budget '{rule.name}'{whose} has ${view.remaining} of ${view.limit} left in {view.period}."
    yield Finding(told, refuses=budget.mode == "hard" and spent.amount >= nanos(budget.limit), rule=rule)


def _named(one: str, several: str, names: tuple[str, ...]) -> str:
    return f"{one if len(names) == 1 else several} {', '.join(names)}" if names else ""
