"""Limits, budgets, retries and stores, of LiteLLM's settings for them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from torana.assembly.importing.litellm.deployments import Deployment
from torana.assembly.importing.litellm.values import Values, duration, reference
from torana.assembly.importing.naming import Names
from torana.assembly.importing.reading import Found
from torana.assembly.importing.report import Outcome

Groups = Mapping[str, Sequence[Deployment]]
_RATES: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    ("rpm", "requests", {"every": "1m"}),
    ("tpm", "tokens", {"every": "1m"}),
    ("max_parallel_requests", "concurrent", {}),
)
_PERIODS = {
    "day": ("24h", "1d", "daily"),
    "week": ("7d", "1w", "weekly"),
    "month": ("30d", "31d", "1mo", "monthly"),
    "quarter": ("90d", "3mo"),
}
_MOST_BUDGET = 9_000_000


class Policies:
    """The rules of the output. ``names`` are the models' names here, by LiteLLM's."""

    def __init__(self, groups: Groups, names: Mapping[str, Sequence[str]], values: Values) -> None:
        self._groups = groups
        self._names = names
        self._values = values
        self._report = values.report
        self._rules = Names()

    def limits(self, general: Found, router: Found) -> list[dict[str, Any]]:
        """How much may pass: of each model, and in all."""
        made = [limit for group in self._groups for limit in self._of_group(group)]
        overall: tuple[tuple[Found, str, Mapping[str, Any]], ...] = (
            (general.get("global_max_parallel_requests"), "all-at-once", {}),
            (general.get("max_parallel_requests"), "at-once-per-model", {"per": ["model"]}),
            (router.get("default_max_parallel_requests"), "at-once-per-model", {"per": ["model"]}),
        )
        for found, name, rest in overall:
            limit = self._values.whole(found, 1)
            if limit is not None:
                made.append({"name": self._rules.fresh(name), "of": "concurrent", "limit": limit, **rest})
                self._report.taken(found)
        return made

    def _of_group(self, group: str) -> Iterator[dict[str, Any]]:
        deployments = self._groups[group]
        for name, of, every in _RATES:
            written = [each.params[name] for each in deployments if name in each.params]
            amounts = [self._values.whole(found, 1) for found in written]
            known = [amount for amount in amounts if amount is not None]
            if not known:
                continue
            if len(known) < len(deployments):
                self._left_rates(written, "not all deployments of this model have one, so that the model has none.")
                continue
            rule = self._rules.fresh(f"{self._names[group][0]}-{name.replace('_', '-')}")
            for found in written:
                self._report.taken(
                    found, f"the limit {rule!r} is for the model as callers name it, fallbacks included."
                )
            yield {"name": rule, "of": of, "limit": sum(known), **every, "when": {"models": [*self._names[group]]}}

    def _left_rates(self, written: Iterable[Found], why: str) -> None:
        for found in written:
            self._report.left(found, why)

    def budgets(self, litellm: Found, router: Found) -> list[dict[str, Any]]:
        """How much money may be spent: in all, by each user, with each provider, on each model."""
        users = {"per": ["user"]}
        made = [
            self._budget("all", litellm.get("max_budget"), litellm.get("budget_duration"), {}),
            self._budget(
                "each-user",
                litellm.get("max_internal_user_budget"),
                litellm.get("internal_user_budget_duration"),
                users,
            ),
        ]
        made += [self._of_provider(*each) for each in router.get("provider_budget_config").named()]
        made += [self._of_deployment(each) for group in self._groups.values() for each in group]
        return [each for each in made if each is not None]

    def _of_provider(self, prefix: str, found: Found) -> dict[str, Any] | None:
        known = {name: {each.prefix for each in group} for name, group in self._groups.items()}
        models = [called for name, prefixes in known.items() if prefixes == {prefix} for called in self._names[name]]
        mixed = [self._names[name][0] for name, prefixes in known.items() if prefix in prefixes and len(prefixes) > 1]
        if not models:
            self._report.left(found, "budgets are for models, and none here is this provider's alone.")
            return None
        if mixed:
            told = f"calls of {', '.join(mixed)} do not count: other providers answer them too."
            self._report.note(found, Outcome.LEFT, told)
        when = {"when": {"models": models}}
        return self._budget(prefix, found.get("budget_limit"), found.get("time_period"), when)

    def _of_deployment(self, each: Deployment) -> dict[str, Any] | None:
        found = each.params.get("max_budget")
        if found is None:
            return None
        if len(self._groups[each.group]) > 1:
            self._report.left(found, "budgets are for models, not for one target of several.")
            return None
        names = [*self._names[each.group]]
        period = each.params.get("budget_duration", Found((*found.at[:-1], "budget_duration"), None))
        return self._budget(names[0], found, period, {"when": {"models": names}})

    def _budget(self, name: str, found: Found, period: Found, rest: Mapping[str, Any]) -> dict[str, Any] | None:
        amount = self._values.number(found)
        if found.value is None:
            return None
        if amount is None or not 0 <= amount <= _MOST_BUDGET:
            self._report.left(found, f"a budget is 0 to {_MOST_BUDGET:,} dollars.")
            return None
        told = self._values.text(period)
        every = _every(told) if told else "ever"
        if every is None:
            periods = ", ".join(_PERIODS)
            self._report.left(found, f"budgets run for a {periods} or for ever.")
            self._report.left(period, "the budget was left out with it.")
            return None
        self._report.taken(found)
        self._report.taken(period, f"it runs with the calendar, in UTC: each {every}." if told else "")
        rule = self._rules.fresh(f"{name}-budget")
        return {"name": rule, "limit": format(Decimal(str(amount)).normalize(), "f"), "every": every, **rest}

    def retries(self, router: Found, litellm: Found) -> dict[str, Any]:
        """How often a call is sent again."""
        found = self._report.foremost(router.get("num_retries"), litellm.get("num_retries"))
        count = self._values.whole(found, 0)
        if count is None:
            return {}
        attempts = min(count + 1, 10)
        self._report.taken(found, f"each account sends a call {attempts} times at most, within `retries.budget`.")
        return {"attempts": attempts}


def _every(told: str) -> str | None:
    parts = duration(told)
    spelt = f"{parts[0]}{parts[1]}" if parts else told
    return next((every for every, spellings in _PERIODS.items() if spelt in spellings), None)


def counters(router: Found, litellm: Found, values: Values) -> dict[str, Any]:
    """Where replicas count together, of LiteLLM's Redis."""
    cache = litellm.get("cache_params")
    places = [(router, "redis_")]
    if values.text(cache.get("type")) in {"redis", "redis-semantic"}:
        places.append((cache, ""))
    for section, lead in places:
        url = section.get("redis_url" if lead else "url")
        if reference(url):
            return {"valkey": values.secret(url, "")}
        parts = [section.get(lead + name) for name in ("host", "port", "password", "username", "db")]
        told = [found for found in (url, *parts) if found.value is not None]
        if url.value is not None or parts[0].value is not None:
            return {"valkey": {"env": _address_to_set(told, values)}}
    return {}


def _address_to_set(told: Sequence[Found], values: Values) -> str:
    name = values.fresh("torana_valkey_url")
    for found in told[1:]:
        values.report.to_do(found, f"it goes into {name}.")
    values.report.to_do(
        told[0], f"set the environment variable {name} to the whole address: redis://USER:PASSWORD@HOST:PORT/DB."
    )
    return name


def database(general: Found, values: Values) -> dict[str, Any]:
    """Where keys and the ledger are kept, of LiteLLM's database."""
    url = general.get("database_url")
    if url.value is None:
        return {}
    if isinstance(url.value, str) and not reference(url) and not _scheme(url.value).startswith("postgres"):
        values.report.left(url, "Torana keeps its books in PostgreSQL or in a file of its own.")
        return {}
    made: dict[str, Any] = {"url": values.secret(url, "torana_database_url")}
    values.report.to_do(
        url, "let it lead to an empty database: keys, users, teams and spending in LiteLLM's are not taken over."
    )
    pool = general.get("database_connection_pool_limit")
    connections = values.whole(pool, 1, 100)
    if connections is not None:
        made["connections"] = connections
        values.report.taken(pool)
    return made


def _scheme(url: str) -> str:
    """A URL's scheme; nothing where it is none."""
    try:
        return urlsplit(url).scheme
    except ValueError:
        return ""
