"""Which guardrails are for a call: those of all rules that fit it, and those that its caller adds."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from torana.config.guardrails import GuardRule
from torana.core.errors import InvalidRequest
from torana.core.exchange import GuardWish
from torana.policy.guardrails.checks import Named
from torana.policy.guardrails.watch import UNWATCHED, Tell, Watch
from torana.policy.matching import Facts, Fitting, remembered

_HEADER = "x-torana-guardrails"


def _to_nobody(_name: str, _result: str, _why: str) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Guards:
    """The guardrails of the settings, by name, and the rules."""

    checks: Mapping[str, Named] = field(default_factory=dict)
    rules: Sequence[GuardRule] = ()
    tell: Tell = _to_nobody
    _fitting: Callable[[Facts], list[GuardRule]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        fitting = Fitting((rule, rule) for rule in self.rules)
        object.__setattr__(self, "_fitting", remembered(fitting.to, self.rules))

    def watch(self, facts: Facts, wish: GuardWish | None = None) -> Watch:
        """Those for one call; InvalidRequest where its caller names one that there is not."""
        if not self.rules and wish is None:
            return UNWATCHED
        fitting = self._fitting(facts) if self.rules else []
        before = [name for rule in fitting for name in rule.before]
        after = [name for rule in fitting for name in rule.after]
        wish = wish or GuardWish()
        asked, answered = self._named((*before, *wish.before)), self._named((*after, *wish.after))
        if not asked and not answered:
            return UNWATCHED
        return Watch(
            asked,
            answered,
            self.tell,
            held=bool(wish.after) or any(rule.after and rule.streams == "hold" for rule in fitting),
            last_only=frozenset(wish.before).difference(before) if wish.last_only else frozenset(),
        )

    def _named(self, names: Iterable[str]) -> tuple[Named, ...]:
        """By priority, each once."""
        found = []
        for name in dict.fromkeys(names):
            if name not in self.checks:
                raise InvalidRequest(f"{_HEADER}: there is no guardrail of the name '{_shown(name)}'.", param=_HEADER)
            found.append(self.checks[name])
        return tuple(sorted(found, key=lambda named: named.settings.priority))


def _shown(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name[:64])


UNGUARDED = Guards()
"""There are none."""
