"""Calls to check, and checks that find what a test wants."""

from typing import Any

from torana.config.guardrails import Guardrail
from torana.core.exchange import Principal
from torana.policy.guardrails.checks import NOTHING, CheckFailed, Finding, Matter, Named
from torana.policy.matching import Facts

FACTS = Facts(Principal("ada", "us"), "m", "chat.completions", {"project": "web"})
REQUEST = {"model": "m", "messages": [{"role": "user", "content": "first"}, {"role": "user", "content": "last"}]}


def matter(**more: Any) -> Matter:
    return Matter(FACTS, more.pop("request", REQUEST), **more)


class Scripted:
    """Finds what it is told to."""

    def __init__(self, *findings: Finding | Exception) -> None:
        self.findings = list(findings)
        self.seen: list[Matter] = []

    async def look(self, matter: Matter) -> Finding:
        self.seen.append(matter)
        finding = self.findings[min(len(self.seen), len(self.findings)) - 1] if self.findings else NOTHING
        if isinstance(finding, Exception):
            raise finding
        return finding


FOUND = Finding(found=True, why="It is so.")
FAILED = CheckFailed("no")


def named(name: str, *findings: Finding | Exception, **settings: Any) -> Named:
    return Named(name, Guardrail("secrets", **settings), Scripted(*findings))


def seen(check: Named) -> list[Matter]:
    """What it was shown."""
    assert isinstance(check.check, Scripted)
    return check.check.seen
