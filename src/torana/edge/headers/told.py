"""What the gateway tells of an answer in its headers: who gave it, and what of it is not as it was asked for."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import msgspec

from torana.core.exchange import Answer, Target
from torana.telemetry.record import Record

Names = Literal["torana", "both"]
"""Whose names replies have: ours alone, or also those of the contract's own gateway."""

Pairs = list[tuple[str, str]]

_MAX_NAMES = 16
_MAX_NAME = 64
_UNFIT = re.compile(r"[^!-~]")


@dataclass(frozen=True, slots=True)
class Told:
    """Writes headers of replies, under the names that the operator wants."""

    names: Names = "torana"

    def begun(self, target: Target, record: Record, *, emulated: Sequence[str], ignored: Sequence[str]) -> Pairs:
        """Of an answer before all of it is there."""
        model = _called(target)
        told = [("x-torana-model", model)]
        if emulated:
            told.append(("x-torana-emulated", ", ".join(emulated)))
        if ignored:
            told.append(("x-torana-ignored", listed(ignored)))
        if record.cache:
            told.append(("x-torana-cache", record.cache))
        if self.names != "torana":
            told += self._as_the_contract_has_it(model, record)
        return told

    def whole(self, answered: Answer[Any, Any], record: Record, *, ignored: Sequence[str]) -> Pairs:
        """Of an answer that is all there."""
        reply = answered.reply
        told = self.begun(answered.target, record, emulated=reply.emulated, ignored=(*ignored, *reply.ignored))
        if reply.shortfall:
            told.append(("x-torana-shortfall", str(reply.shortfall)))
        if answered.replayed:
            told.append(("x-torana-replayed", "true"))
        cost = reply.usage.cost
        told.append(("x-torana-cost", "unknown" if cost is None else f"{cost:f}"))
        return told

    def _as_the_contract_has_it(self, model: str, record: Record) -> Pairs:
        # Those that failed, in the order in which they were tried, and the one that answers.
        tried = [*dict.fromkeys(visible(target) for target, _ in record.attempts), model]
        applied = msgspec.json.encode({"resolved_model": model, "routing_model_order": tried}).decode()
        told = [
            ("x-tfy-resolved-model", model),
            ("x-tfy-applied-configurations", applied),
            ("x-tfy-applied-rules", applied),
        ]
        return [*told, ("x-tfy-cache-status", record.cache)] if record.cache else told


def listed(names: Iterable[str]) -> str:
    """Names that a client made up, fit for a header, and no more of them than one has room for."""
    return ", ".join([_plain(name) for name in dict.fromkeys(names)][:_MAX_NAMES])


def visible(text: str) -> str:
    """A name that an operator chose, fit for a header."""
    return _UNFIT.sub("?", text)


@lru_cache(256)
def _called(target: Target) -> str:
    return visible(str(target))


def _plain(name: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-.[]") else "?" for c in name[:_MAX_NAME])
