"""The provider accounts of a configuration, and the names under which their models can be asked for."""

from collections.abc import Mapping

from torana.config.model import Account, Settings
from torana.config.secrets import SecretMissing, read_secret
from torana.core.exchange import Plan, Target
from torana.providers.base import Declaration, Lent, Provider, declarations
from torana.routing.catalog import Catalog, Offer
from torana.telemetry.logs import Logger


def offered(settings: Settings) -> tuple[Plan, ...]:
    """Every name that callers may use, and where it leads."""
    return make_catalog(settings, declarations()).plans


def make_catalog(settings: Settings, declared: Mapping[str, Declaration]) -> Catalog:
    """Every name that can be asked for."""
    offers = {
        name: Offer(declared[account.type].operations, (*declared[account.type].models, *account.models))
        for name, account in settings.providers.items()
    }
    virtual = {name: tuple(_target(ref.target) for ref in model.targets) for name, model in settings.models.items()}
    return Catalog(offers, virtual)


def make_providers(
    settings: Settings, declared: Mapping[str, Declaration], lent: Lent, *, environ: Mapping[str, str], logger: Logger
) -> dict[str, Provider]:
    """Each account's provider, by the account's name.

    An account whose key is missing is kept and says so when it is called, so that one lost key does not stop the rest.
    """
    return {
        name: declared[account.type].build(account, _key(name, account, environ, logger), lent)
        for name, account in settings.providers.items()
    }


def _key(name: str, account: Account, environ: Mapping[str, str], logger: Logger) -> str | None:
    if account.api_key is None:
        return None
    try:
        return read_secret(account.api_key, environ).decode()
    except SecretMissing as missing:
        logger.warning("no_credentials", account=name, detail=str(missing))
        return None


def _target(written: str) -> Target:
    account, _, model = written.partition("/")
    return Target(account, model)
