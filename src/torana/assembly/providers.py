"""The provider accounts of a configuration, and the names under which their models can be asked for."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from torana.auth.build import KeyProblem
from torana.config.model import Settings
from torana.config.secrets import Secret, SecretMissing, read_secret
from torana.config.upstreams import Account
from torana.core.exchange import Plan
from torana.families import listed
from torana.providers.base import Declaration, Lent, Provider, declarations
from torana.providers.retired import RETIRED
from torana.routing.catalog import Catalog, Offer, routing_of, targets_of
from torana.routing.explain import Row, explain
from torana.routing.health import Standing
from torana.routing.selection import Caller
from torana.telemetry.logs import Logger
from torana.upstream.proxy import proxy_at

OPERATIONS = listed.OPERATIONS
"""All that can be asked of a model."""


def offered(settings: Settings) -> tuple[Plan, ...]:
    """Every name that callers may use, and where it leads."""
    return make_catalog(settings, declarations()).plans


def explained(
    settings: Settings, model: str, operation: str | None, *, subject: str, metadata: Mapping[str, str]
) -> tuple[Plan, tuple[Row, ...]]:
    """The plan of a call, and how each target stands in it while nothing is known of any, those of no use last.

    A ``subject`` is one of the first issuer's; without an ``operation`` it is what most of the model's targets can do.
    ModelNotFound or InvalidRequest when no target can do the operation.
    """
    catalog = make_catalog(settings, declarations())
    operation = operation or max(OPERATIONS, key=lambda each: catalog.able(model, each))
    plan = catalog.plan(model, operation)
    caller = Caller(f"{settings.auth.issuers[0].issuer} {subject}" if subject else "", metadata)
    rows = explain(plan, caller, lambda _target: Standing())
    written = next(each.targets for each in catalog.plans if each.model == model)
    unable = (Row(target, None, (f"cannot do {operation}",)) for target in written if target not in plan.targets)
    return plan, (*rows, *unable)


def make_catalog(settings: Settings, declared: Mapping[str, Declaration]) -> Catalog:
    """Every name that can be asked for."""
    offers = {
        name: Offer(declared[account.type].operations, (*declared[account.type].models, *account.models))
        for name, account in settings.providers.items()
    }
    models = settings.models
    return Catalog(
        offers,
        {name: targets_of(model) for name, model in models.items()},
        routing={name: routing_of(model) for name, model in models.items()},
        retired=RETIRED,
    )


def make_providers(
    settings: Settings, declared: Mapping[str, Declaration], lent: Lent, *, environ: Mapping[str, str], logger: Logger
) -> dict[str, Provider]:
    """Each account's provider, by the account's name.

    An account whose key is missing is kept and says so when it is called, so that one lost key does not stop the rest.
    KeyProblem when a key is there and can be none of its kind.
    """
    made: dict[str, Provider] = {}
    problems: list[str] = []
    for name, account in settings.providers.items():
        try:
            key = _secret(name, account.api_key, environ, logger)
            lent_here = _connecting(name, account, lent, environ=environ, logger=logger)
            made[name] = declared[account.type].build(account, None if key is None else key.decode(), lent_here)
        except ValueError as problem:
            problems.append(f"providers.{name}: {problem}")
    if problems:
        raise KeyProblem(problems)
    return made


def _connecting(name: str, account: Account, lent: Lent, *, environ: Mapping[str, str], logger: Logger) -> Lent:
    """What is lent to an account: connections through its proxy, if it names one, and in HTTP/2, if it says so."""
    if account.proxy is None:
        return replace(lent, connect=partial(lent.connect, http2=True)) if account.http2 else lent
    proxy = proxy_at(account.proxy.url, _secret(name, account.proxy.credentials, environ, logger))
    return replace(lent, connect=partial(lent.connect, proxy=proxy, http2=account.http2))


def _secret(name: str, secret: Secret | None, environ: Mapping[str, str], logger: Logger) -> bytes | None:
    if secret is None:
        return None
    try:
        return read_secret(secret, environ)
    except SecretMissing as missing:
        logger.warning("no_credentials", account=name, detail=str(missing))
        return None
