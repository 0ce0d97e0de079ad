"""What is different between two configurations, as far as it matters to a gateway that serves."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import fields, replace

from torana.config.model import Issuer, Settings
from torana.config.secrets import Secret

LIVE = ("auth", "images", "retries", "limits", "budgets", "access", "guardrails", "providers", "models")
"""Sections that can change while the gateway serves; so can the deadline of ``server``, and the rules of ``cache``."""

Look = Mapping[Path, str]
"""Files, and a digest of what is in each of them; it is empty for one that cannot be read."""


def taken_up(running: Settings, wanted: Settings) -> Settings:
    """What is wanted, as far as it can change while the gateway serves; the rest as it runs."""
    server = replace(running.server, deadline=wanted.server.deadline)
    cache = replace(running.cache, rules=wanted.cache.rules, max_entry=wanted.cache.max_entry)
    return replace(running, server=server, cache=cache, **{name: getattr(wanted, name) for name in LIVE})


def left_for_restart(running: Settings, wanted: Settings) -> list[str]:
    """The settings that are wanted otherwise and cannot change while the gateway serves: ``section.setting``."""
    after = taken_up(running, wanted)
    return [
        f"{section}.{setting.name}"
        for section in _differing(after, wanted)
        for setting in fields(getattr(after, section))
        if getattr(getattr(after, section), setting.name) != getattr(getattr(wanted, section), setting.name)
    ]


def changed_sections(before: Settings, after: Settings, altered: Collection[Path]) -> list[str]:
    """The sections that differ, or that name one of these files."""
    touched = {name for name in LIVE if not named_files(getattr(after, name)).isdisjoint(altered)}
    differing = {*_differing(before, after), *touched}
    return [section.name for section in fields(Settings) if section.name in differing]


def live_files(settings: Settings) -> frozenset[Path]:
    """Every file that is named where changes are taken up."""
    return frozenset().union(*(named_files(getattr(settings, name)) for name in LIVE))


def named_files(value: object) -> frozenset[Path]:
    """Every file that settings name, with secrets or with keys."""
    return frozenset(_named(value))


def look(paths: Iterable[Path]) -> dict[Path, str]:
    """What these files hold now."""
    return {path: _digest(path) for path in paths}


def _named(value: object) -> Iterator[Path]:
    if isinstance(value, Secret) and value.file is not None:
        yield Path(value.file)
    elif isinstance(value, Issuer) and value.jwks_file is not None:
        yield Path(value.jwks_file)
    elif isinstance(value, Struct):
        yield from _named(msgspec.structs.astuple(value))
    elif isinstance(value, dict | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _named(each)


def _differing(one: Settings, other: Settings) -> list[str]:
    return [section.name for section in fields(Settings) if getattr(one, section.name) != getattr(other, section.name)]


def _digest(path: Path) -> str:
    try:
        # A pipe or a device would be emptied by looking, or would never end.
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    except OSError:
        return ""
