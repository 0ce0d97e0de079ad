"""A LiteLLM proxy's configuration as one of ours, and a report of what became of each of its settings."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from torana.assembly.importing.litellm.accounts import Accounts
from torana.assembly.importing.litellm.deployments import Deployments, groups_of, timeouts
from torana.assembly.importing.litellm.entry import issuers
from torana.assembly.importing.litellm.policies import Policies, counters, database
from torana.assembly.importing.litellm.remarks import OTHERWISE, REMARKS
from torana.assembly.importing.litellm.routing import Routes
from torana.assembly.importing.litellm.values import Values, seconds
from torana.assembly.importing.litellm.vendors import Vendors
from torana.assembly.importing.reading import Found, read_file
from torana.assembly.importing.report import Line, Outcome, Report
from torana.assembly.settings import cross_checks
from torana.config.load import ConfigError, Mistake, load_text
from torana.providers.base import Declaration, declarations

_MOST_BODY = 1024 * 1024
"""MiB: beyond it nobody means a size."""


@dataclass(frozen=True, slots=True)
class Imported:
    """Our configuration as YAML, and what became of theirs."""

    text: str
    report: tuple[Line, ...]
    mistakes: tuple[Mistake, ...]
    """What keeps it from being served, by the lines of the text."""

    @property
    def complete(self) -> bool:
        """Whether nothing was left out."""
        return all(line.outcome is not Outcome.LEFT for line in self.report)

    @property
    def summary(self) -> str:
        """The report in one sentence."""
        counts = Counter(line.outcome for line in self.report)
        left, to_do = counts[Outcome.LEFT], counts[Outcome.TO_DO]
        rest = "Everything else was taken over." if left or to_do else "Everything was taken over."
        return f"Left out: {left}. To do: {to_do}. {rest}"


def import_file(path: Path, environ: Mapping[str, str]) -> Imported:
    """Import a file, and check what comes of it; ConfigError when it is no configuration at all."""
    declared = declarations()
    document, report = import_litellm(read_file(path), declared, environ)
    text = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return Imported(text, report, tuple(_mistakes(text, declared)))


class _Dumper(yaml.SafeDumper):
    """YAML without anchors, which our configuration does not have."""

    def ignore_aliases(self, _data: object) -> bool:
        """Whatever stands twice is written twice."""
        return True


def _mistakes(text: str, declared: Mapping[str, Declaration]) -> list[Mistake]:
    try:
        return sorted(cross_checks(load_text(text), declared))
    except ConfigError as error:
        return list(error.mistakes)


def import_litellm(
    root: Found, declared: Mapping[str, Declaration], environ: Mapping[str, str]
) -> tuple[dict[str, Any], tuple[Line, ...]]:
    """Our configuration as plain data, of theirs; and what became of each of their settings.

    ``environ`` tells what stands there as ``os.environ/NAME`` and is no secret, such as addresses. Secrets are not
    looked up, and none that was written down is in what comes back.
    """
    report = Report()
    values = Values(root, environ, report)
    general, router, litellm = (root.get(f"{name}_settings") for name in ("general", "router", "litellm"))
    common = _timeouts(router, litellm, values) | _size(general, "max_response_size_mb", "max_reply", values)
    vendors = Vendors(declared)
    accounts = Accounts(vendors, values, report)
    deployments = Deployments(accounts, vendors, values, report)
    groups = groups_of(deployments.taken(root.get("model_list"), root.get("credential_list"), common))
    routes = Routes(groups, router, litellm, values)
    models = routes.models()
    policies = Policies(groups, routes.names, values)
    document = {
        "auth": {"issuers": issuers(general, values)},
        "uploads": _size(general, "max_request_size_mb", "max_body", values),
        "telemetry": _telemetry(litellm, values),
        "retries": policies.retries(router, litellm),
        "limits": policies.limits(general, router),
        "counters": counters(router, litellm, values),
        "budgets": policies.budgets(litellm, router),
        "database": database(general, values),
        "ledger": _ledger(general, values),
        "providers": accounts.settings,
        "models": models,
    }
    lines = report.closed(root, REMARKS, OTHERWISE)
    return {name: section for name, section in document.items() if section}, lines


def _timeouts(router: Found, litellm: Found, values: Values) -> dict[str, Any]:
    found = values.report.foremost(router.get("timeout"), litellm.get("request_timeout"))
    written = timeouts(values.number(found))
    if written:
        values.report.taken(found, "a call ends after `server.deadline` all the same, 540 s if it is not set.")
    return written


def _size(general: Found, theirs: str, ours: str, values: Values) -> dict[str, str]:
    found = general.get(theirs)
    size = values.whole(found, 1, _MOST_BODY)
    if size is None:
        return {}
    values.report.taken(found)
    return {ours: f"{size}MiB"}


def _telemetry(litellm: Found, values: Values) -> dict[str, str]:
    made: dict[str, str] = {}
    for name, setting, value in (("json_logs", "log_format", "json"), ("set_verbose", "log_level", "debug")):
        flag = values.flag(litellm.get(name))
        if flag is not None:
            values.report.taken(litellm.get(name))
        if flag:
            made[setting] = value
    return made


def _ledger(general: Found, values: Values) -> dict[str, str]:
    found = general.get("maximum_spend_logs_retention_period")
    kept = seconds(values.text(found))
    if not kept:
        return {}
    values.report.taken(found)
    return {"keep": f"{kept}s"}
