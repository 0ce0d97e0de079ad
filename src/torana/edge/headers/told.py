"""What the gateway tells of an answer in its headers: who gave it, and what of it is not as it was asked for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from torana.core.exchange import Answer, Target
from torana.telemetry.record import Record

Names = Literal["torana", "both"]
"""Whose names replies have: ours alone, or also those of the contract's own gateway."""

Pairs = list[tuple[str, str]]

_MAX_NAMES = 16
_MAX_NAME = 64


@dataclass(frozen=True, slots=True)
class Told:
    """Writes headers of replies, under the names that the operator wants."""

    names: Names = "torana"

    def begun(self, target: Target, record: Record, *, emulated: Iterable[str], ignored: Iterable[str]) -> Pairs:
        """Of an answer before all of it is there."""
        model = visible(str(target))
        told = {
            "x-torana-model": model,
            "x-torana-emulated": ", ".join(emulated),
            "x-torana-ignored": listed(ignored),
            "x-torana-cache": record.cache or "",
        }
        return [*_present(told), *self._as_the_contract_has_it(model, record)]

    def whole(self, answered: Answer[Any, Any], record: Record, *, ignored: Iterable[str]) -> Pairs:
        """Of an answer that is all there."""
        reply = answered.reply
        told = {
            "x-torana-shortfall": str(reply.shortfall or ""),
            "x-torana-replayed": "true" if answered.replayed else "",
            "x-torana-cost": "unknown" if reply.usage.cost is None else f"{reply.usage.cost:f}",
        }
        ignored = (*ignored, *reply.ignored)
        return [*self.begun(answered.target, record, emulated=reply.emulated, ignored=ignored), *_present(told)]

    def _as_the_contract_has_it(self, model: str, record: Record) -> Pairs:
        if self.names == "torana":
            return []
        # Those that failed, in the order in which they were tried, and the one that answers.
        tried = [*dict.fromkeys(visible(target) for target, _ in record.attempts), model]
        applied = msgspec.json.encode({"resolved_model": model, "routing_model_order": tried}).decode()
        told = {
            "x-tfy-resolved-model": model,
            "x-tfy-applied-configurations": applied,
            "x-tfy-applied-rules": applied,
            "x-tfy-cache-status": record.cache or "",
        }
        return _present(told)


def listed(names: Iterable[str]) -> str:
    """Names that a client made up, fit for a header, and no more of them than one has room for."""
    return ", ".join([_plain(name) for name in dict.fromkeys(names)][:_MAX_NAMES])


def visible(text: str) -> str:
    """A name that an operator chose, fit for a header."""
    return "".join(c if "!" <= c <= "~" else "?" for c in text)


def _present(told: Mapping[str, str]) -> Pairs:
    return [(name, value) for name, value in told.items() if value]


def _plain(name: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-.[]") else "?" for c in name[:_MAX_NAME])
