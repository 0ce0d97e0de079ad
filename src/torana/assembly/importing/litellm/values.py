"""Values of a LiteLLM configuration: text and numbers, some in the environment, and secrets, which stay there."""

import math
import re
from collections.abc import Iterator, Mapping

from torana.assembly.importing.reading import Found
from torana.assembly.importing.report import Report
from torana.config.units import URL
from torana.upstream.client import Origin

REFERENCE = "os.environ/"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DURATION = re.compile(r"([0-9]{1,9})\s*(mo|s|m|h|d|w)")
_LEAST_SECONDS, _MOST_SECONDS = 0.001, 10**9
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


class Values:
    """Looks values up where LiteLLM would: in the file, in its ``environment_variables``, in the environment.

    Secrets are never looked up: a reference stays one, and one that was written down becomes the name of a variable.
    """

    def __init__(self, root: Found, environ: Mapping[str, str], report: Report) -> None:
        own = {name: str(found.value) for name, found in root.get("environment_variables").named()}
        self._own = own
        self._environ = {**environ, **own}
        self.report = report
        self._taken = set(_referenced(root))
        self._written: dict[str, str] = {}

    def text(self, found: Found) -> str | None:
        """Text of one line without spaces around it; None where there is none, or only in an environment elsewhere."""
        name = reference(found)
        value = self._environ.get(name) if name else found.value
        if name in self._own:
            self.report.taken(self.variable(str(name)))
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return None
        told = str(value).strip()
        return told if told and told.isprintable() else None

    def variable(self, name: str) -> Found:
        """What a variable of LiteLLM's own holds."""
        return Found(("environment_variables", name), self._environ.get(name))

    def number(self, found: Found) -> float | None:
        """A finite number, also one written as text."""
        told = self.text(found)
        try:
            value = math.nan if told is None else float(told)
        except ValueError:
            return None
        return value if math.isfinite(value) else None

    def whole(self, found: Found, least: int, most: int = 10**15) -> int | None:
        """A whole number within bounds."""
        value = self.number(found)
        return int(value) if value is not None and value.is_integer() and least <= value <= most else None

    def address(self, found: Found) -> str | None:
        """A URL that holds no credentials."""
        told = (self.text(found) or "").rstrip("/")
        if not re.match(URL, told):
            return None
        try:
            return Origin(told).base_url
        except ValueError:
            return None

    def flag(self, found: Found) -> bool | None:
        """True or false, also as text."""
        if isinstance(found.value, bool):
            return found.value
        return {"true": True, "false": False}.get((self.text(found) or "").lower())

    def secret(self, found: Found, wanted: str) -> dict[str, str]:
        """Where a secret is, as settings say it; ``wanted`` is the variable's name where it was written down."""
        name = reference(found)
        if name:
            self.report.taken(found)
            return {"env": name}
        name = self._variable(found, wanted)
        self.report.to_do(
            found, f"a secret stood here, which is not copied: set the environment variable {name} to it."
        )
        return {"env": name}

    def joined(self, parts: Found, wanted: str, names: str) -> dict[str, str]:
        """Where a secret of several parts is, which LiteLLM has apart and we have as one."""
        name = self._variable(parts, wanted)
        self.report.to_do(parts, f"set the environment variable {name} to {names}, joined by colons.")
        return {"env": name}

    def _variable(self, found: Found, wanted: str) -> str:
        """The same name for the same secret."""
        written = repr(found.value)
        if written not in self._written:
            self._written[written] = self.fresh(wanted)
        return self._written[written]

    def fresh(self, wanted: str) -> str:
        """A variable's name that nobody uses."""
        base = re.sub(r"[^A-Z0-9]+", "_", wanted.upper()).strip("_")
        name, number = base, 2
        while name in self._taken:
            name, number = f"{base}_{number}", number + 1
        self._taken.add(name)
        return name


def reference(found: Found) -> str | None:
    """The environment variable that a value stands for."""
    if not isinstance(found.value, str) or not found.value.startswith(REFERENCE):
        return None
    name = found.value.removeprefix(REFERENCE)
    return name if _VARIABLE.fullmatch(name) else None


def duration(told: str | None) -> tuple[int, str] | None:
    """A number and its unit (``s m h d w mo``), of what LiteLLM takes for a duration."""
    match = _DURATION.fullmatch(told or "")
    return (int(match[1]), match[2]) if match else None


def seconds(told: str | None) -> int | None:
    """A duration in seconds; None for months, which have no length of their own."""
    parts = duration(told)
    return parts[0] * _SECONDS[parts[1]] if parts and parts[1] in _SECONDS else None


def written_seconds(count: float | None) -> str | None:
    """Seconds as our settings write them; None for what they cannot say."""
    if count is None or not _LEAST_SECONDS <= count <= _MOST_SECONDS:
        return None
    return f"{count:.0f}s" if float(count).is_integer() else f"{count * 1000:.0f}ms"


def _referenced(found: Found) -> Iterator[str]:
    name = reference(found)
    if name:
        yield name
    for inner in (*(inner for _, inner in found.named()), *found.each()):
        yield from _referenced(inner)
