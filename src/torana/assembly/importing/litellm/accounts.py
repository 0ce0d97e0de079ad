"""Accounts with providers, of the parameters of LiteLLM's deployments: each once, however many deployments share it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torana.assembly.importing.litellm.values import REFERENCE, Values
from torana.assembly.importing.litellm.vendors import Meant, Vendors
from torana.assembly.importing.naming import Names
from torana.assembly.importing.reading import Found
from torana.assembly.importing.report import Outcome, Report
from torana.providers.base import Declaration

Params = Mapping[str, Found]
_ADDRESSES = ("api_base", "base_url")
_KEYS = ("api_key",)
_NOWHERE = ".invalid"
_MISSING = "SET-ME"
"""Stands for an option that nobody told."""


@dataclass(frozen=True, slots=True)
class _Written:
    """What a deployment says of its account."""

    declaration: Declaration
    address: tuple[str | None, str]
    """Its address as it is here, and as it was written."""
    options: Mapping[str, str]
    key: Sequence[Found]
    """The parts of its key, as written."""
    usual_key: str
    """The variable that LiteLLM reads where none was written."""
    common: Mapping[str, Any]

    def identity(self) -> str:
        """The same for deployments that share an account. Holds secrets: for comparing alone."""
        key = [repr(part.value) for part in self.key] or [repr(REFERENCE + self.usual_key)]
        return repr((self.declaration.type, self.address, sorted(self.options.items()), key, self.common))


class Accounts:
    """The accounts of the output, by name."""

    def __init__(self, vendors: Vendors, values: Values, report: Report) -> None:
        self.settings: dict[str, dict[str, Any]] = {}
        self._vendors = vendors
        self._values = values
        self._report = report
        self._names = Names()
        self._by_identity: dict[str, str] = {}

    def place(
        self, meant: Meant, deployment: Found, params: Params, common: Mapping[str, Any]
    ) -> tuple[str, Declaration]:
        """The account that a deployment belongs to, made where it is new, and its type.

        ``common`` are settings that every account of this deployment's kind gets, such as timeouts.
        """
        written = self._written(meant, params, common)
        identity = written.identity()
        name = self._by_identity.get(identity)
        new = name is None
        if name is None:
            name = self._by_identity[identity] = self._names.fresh(meant.prefix)
        key = self._key(name, written, deployment)
        if new:
            self.settings[name] = self._settings(name, written, key, deployment)
        return name, written.declaration

    def _written(self, meant: Meant, params: Params, common: Mapping[str, Any]) -> _Written:
        spellings = meant.declaration.spellings
        addresses = [*_ADDRESSES, *(name for name, ours in spellings.items() if ours == "base_url")]
        told = [params[name] for name in addresses if name in params and params[name].value is not None]
        base_url = self._address(told or [self._values.variable(f"{meant.prefix.upper()}_API_BASE")])
        if base_url is None and (told or "base_url" in meant.declaration.needs):
            # Without one, the vendor's own would get what is meant for another.
            base_url = _nowhere(meant.prefix)
        declaration = self._vendors.at(meant.declaration, base_url)
        keys = [*_KEYS, *(name for name, ours in spellings.items() if ours == "api_key")]
        parts = [params[name] for name in keys if name in params and params[name].value is not None]
        # A key of the vendor's own kind stands for all parts of any other.
        parts = parts[:1] if parts and parts[0].at[-1] in _KEYS else parts
        usual = f"{meant.prefix.upper().replace('-', '_')}_API_KEY"
        place = repr([each.value for each in told])
        return _Written(declaration, (base_url, place), self._options(declaration, params), parts, usual, common)

    def _address(self, written: Sequence[Found]) -> str | None:
        for found in written:
            address = self._values.address(found)
            if address is not None:
                self._report.taken(found)
                return address
        return None

    def _options(self, declaration: Declaration, params: Params) -> dict[str, str]:
        options: dict[str, str] = {}
        for name, found in params.items():
            option = declaration.spellings.get(name, name)
            told = self._values.text(found)
            if option in declaration.options and told is not None:
                options[option] = told
                self._report.taken(found)
        return options

    def _key(self, account: str, written: _Written, deployment: Found) -> dict[str, str] | None:
        wanted = f"torana_{account}_api_key"
        if len(written.key) == 1:
            return self._single_key(written.key[0], wanted)
        if written.key:
            return self._joined_key(written.key, wanted)
        if "api_key" not in written.declaration.needs:
            return None
        told = f"no key is written here: set the environment variable {written.usual_key} to it."
        self._report.note(deployment, Outcome.TO_DO, told)
        return {"env": written.usual_key}

    def _single_key(self, found: Found, wanted: str) -> dict[str, str]:
        told = found.value
        if found.at[-1] not in _KEYS and isinstance(told, str) and re.fullmatch(r"[\w./~-]+\.json", told):
            self._report.taken(found, "the key is read from this file.")
            return {"file": told}
        return self._values.secret(found, wanted)

    def _joined_key(self, parts: Sequence[Found], wanted: str) -> dict[str, str]:
        joined = Found(parts[0].at, [part.value for part in parts])
        names = ", ".join(str(part.at[-1]) for part in parts)
        secret = self._values.joined(joined, wanted, names)
        for part in parts[1:]:
            self._report.to_do(part, f"it goes into {secret['env']}.")
        return secret

    def _settings(
        self, name: str, written: _Written, key: Mapping[str, str] | None, deployment: Found
    ) -> dict[str, Any]:
        declaration = written.declaration
        settings: dict[str, Any] = {"type": declaration.type}
        base_url, _ = written.address
        if base_url is not None:
            settings["base_url"] = base_url
        if base_url and base_url.endswith(_NOWHERE):
            self._missing(deployment, "address", f"providers.{name}.base_url")
        if key is not None:
            settings["api_key"] = dict(key)
        options = dict(written.options)
        for missing in sorted(declaration.needs & declaration.options.keys() - options.keys()):
            options[missing] = _MISSING
            self._missing(deployment, missing, f"providers.{name}.options.{missing}")
        return settings | ({"options": options} if options else {}) | dict(written.common)

    def _missing(self, deployment: Found, what: str, where: str) -> None:
        self._report.note(deployment, Outcome.LEFT, f"its {what} is not known here: write it at `{where}`.")


def _nowhere(prefix: str) -> str:
    """An address that leads nowhere, until the operator writes the right one."""
    return f"https://{prefix.lower().replace('_', '-')}{_NOWHERE}"
