"""What single settings of policies cannot know: whom they name, and whether that is there."""

from collections.abc import Iterator, Mapping

from torana.config.access import Patterns
from torana.config.load import Document, Mistake, nearest
from torana.families.language.moderations import MODERATIONS
from torana.families.listed import OPERATIONS
from torana.policy.guardrails.expressions import compiled
from torana.providers.base import Declaration

_JUDGING = MODERATIONS.operation


def policy_checks(document: Document, declared: Mapping[str, Declaration]) -> Iterator[Mistake]:
    """Rules that name guardrails there are not, guardrails that cannot be made, and a cache that has no place."""
    settings = document.settings
    checks = settings.guardrails.checks
    named = (
        (("guardrails", "rules", index, when, place), name)
        for index, rule in enumerate(document.whole(settings.guardrails.rules, "guardrails", "rules"))
        for when, names in (("before", rule.before), ("after", rule.after))
        for place, name in enumerate(names)
    )
    for where, name in named:
        if name not in checks and not document.mentions("guardrails", "checks", name):
            yield document.mistake(where, f"there is no guardrail `{name}` among the checks.")
    for name, check in checks.items():
        for place, written in enumerate(check.patterns):
            if wrong := _wrong(written):
                yield document.mistake(("guardrails", "checks", name, "patterns", place), f"{wrong}.")
        if check.model is not None and (wrong := _no_judge(check.model, document, declared)):
            yield document.mistake(("guardrails", "checks", name, "model"), wrong)
    yield from _operation_checks(document)
    if settings.cache.store == "valkey" and settings.counters.valkey is None:
        yield document.mistake(("cache", "store"), "needs the server that `counters.valkey` names.")


def _wrong(written: str) -> str | None:
    try:
        compiled(written)
    except ValueError as error:
        return str(error)
    return None


def _no_judge(model: str, document: Document, declared: Mapping[str, Declaration]) -> str | None:
    """Why a model cannot moderate. It is asked as callers would ask it, so that it must have a name that they know."""
    settings = document.settings
    own = settings.models.get(model)
    targets = [model] if own is None else [ref.target for ref in own.targets]
    account_name, _, its_name = model.partition("/")
    if own is None and document.mentions("models", model):
        return None
    if own is None and account_name not in settings.providers:
        if document.mentions("providers", account_name):
            return None
        return f"there is no model `{model}`, and no account that it begins with."
    if any(_may(target, document, declared) for target in targets):
        known = own is not None or _is_offered(model, document, declared)
        told = f"`{account_name}` is not known to have it: add `{its_name}` to its `models`."
        return None if known else told
    return f"`{model}` cannot do {_JUDGING}."


def _may(target: str, document: Document, declared: Mapping[str, Declaration]) -> bool:
    """Whether a target can moderate; of one whose account has mistakes of its own, these are told."""
    name, _, model = target.partition("/")
    account = document.settings.providers.get(name)
    declaration = None if account is None else declared.get(account.type)
    return declaration is None or _JUDGING in declaration.operations(model)


def _is_offered(model: str, document: Document, declared: Mapping[str, Declaration]) -> bool:
    settings = document.settings
    account_name, _, its_name = model.partition("/")
    account = settings.providers[account_name]
    declaration = declared.get(account.type)
    behind = {ref.target for each in settings.models.values() for ref in each.targets}
    return declaration is None or its_name in (*declaration.models, *account.models) or model in behind


def _operation_checks(document: Document) -> Iterator[Mistake]:
    """Rules for operations that there are not: they would never count."""
    settings = document.settings
    ruled = (
        (("limits",), [rule.when.operations for rule in settings.limits]),
        (("budgets",), [rule.when.operations for rule in settings.budgets]),
        (("cache", "rules"), [rule.when.operations for rule in settings.cache.rules]),
        (("guardrails", "rules"), [rule.when.operations for rule in settings.guardrails.rules]),
        (("access", "grants"), [grant.operations for grant in settings.access.grants]),
    )
    for where, rules in ruled:
        within = ("operations",) if where == ("access", "grants") else ("when", "operations")
        written = (
            ((*where, index, *within, place), pattern)
            for index, patterns in enumerate(document.whole(rules, *where))
            for place, pattern in enumerate(patterns)
        )
        for at, pattern in written:
            if not Patterns.of([pattern]).fit_any(OPERATIONS):
                yield document.mistake(at, f"no operation is called so.{nearest(pattern, OPERATIONS)}")
