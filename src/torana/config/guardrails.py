"""The settings of checks that are made of what is asked and of what is answered."""

from typing import Annotated, Literal

from msgspec import NODEFAULT, Meta, Struct, field
from msgspec.structs import FieldInfo, fields

from torana.config.rules import RuleName, When
from torana.config.secrets import Secret
from torana.config.units import URL, Bytes, Seconds

Expression = Annotated[str, Meta(min_length=1, max_length=1000)]
Category = Annotated[str, Meta(pattern=r"^[A-Za-z0-9/_. -]{1,64}\Z", examples=["violence", "self-harm/intent"])]
Score = Annotated[float, Meta(ge=0, le=1)]
_OF_KIND = {
    "regex": frozenset({"patterns", "replacement"}),
    "secrets": frozenset({"replacement"}),
    "moderation": frozenset({"model", "thresholds", "pictures"}),
    "webhook": frozenset({"url", "token", "headers", "config", "pictures"}),
}
"""The settings that each kind has for itself."""
_OWN = frozenset().union(*_OF_KIND.values())
_MOST_PATTERNS = 64
_NEEDED = {"regex": "patterns", "moderation": "model", "webhook": "url"}


class Guardrail(Struct, frozen=True, forbid_unknown_fields=True):
    """One check, which rules and callers ask for by its name."""

    kind: Annotated[
        Literal["regex", "secrets", "moderation", "webhook"],
        Meta(description="Patterns of yours, built-in patterns of secrets, a moderation model, or a service of yours."),
    ]
    strategy: Annotated[
        Literal["enforce", "audit", "enforce_but_ignore_on_error"],
        Meta(
            description="What a finding does: `enforce` refuses the call, also (503) when the check itself fails; "
            "`audit` only counts it."
        ),
    ] = "enforce"
    operation: Annotated[
        Literal["validate", "mutate"],
        Meta(description="Refuse what is found, or replace it: texts by `replacement`, all by a webhook's `result`."),
    ] = "validate"
    priority: Annotated[int, Meta(ge=0, le=1000, description="Which comes first of several that replace.")] = 1
    timeout: Annotated[Seconds, Meta(description="How long it may take.")] = Seconds(5)
    scope: Annotated[
        Literal["all", "last"], Meta(description="Of what is asked, look at all of it or at the last message only.")
    ] = "all"
    message: Annotated[str, Meta(max_length=300, description="What the refused are told.")] | None = None
    patterns: Annotated[
        tuple[Expression, ...],
        Meta(description="Regular expressions, in Python's words; see docs/guardrails.md for limits."),
    ] = ()
    replacement: Annotated[str, Meta(max_length=100, description="What stands in place of what was found.")] = (
        "[redacted]"
    )
    model: Annotated[str, Meta(min_length=1, description="Model that moderates, as callers would name it.")] | None = (
        None
    )
    thresholds: Annotated[
        dict[Category, Score],
        Meta(description="Scores by category from which on it is a finding. Default: what the model itself flags."),
    ] = field(default_factory=dict)
    pictures: Annotated[bool, Meta(description="Show it uploaded pictures too, as data URIs.")] = False
    url: (
        Annotated[str, Meta(pattern=URL, examples=["https://checks.example/v1"], description="Webhook's address.")]
        | None
    ) = None
    token: Annotated[Secret, Meta(description="Sent to the webhook as a bearer token.")] | None = None
    headers: Annotated[dict[str, str], Meta(description="Headers that the webhook is sent.")] = field(
        default_factory=dict
    )
    config: Annotated[dict[str, str | int | float | bool], Meta(description="Sent to the webhook as `config`.")] = (
        field(default_factory=dict)
    )

    def __post_init__(self) -> None:
        needed = _NEEDED.get(self.kind)
        if needed is not None and not getattr(self, needed):
            raise ValueError(f"`{needed}` is missing: a guardrail of kind {self.kind} needs it")
        given = {each.name for each in fields(self) if each.name in _OWN and getattr(self, each.name) != _usual(each)}
        needless = sorted(given - _OF_KIND[self.kind])
        if needless:
            raise ValueError(f"`{needless[0]}` means nothing to a guardrail of kind {self.kind}")
        if self.kind == "moderation" and self.operation == "mutate":
            raise ValueError("a moderation model finds, and replaces nothing: `operation` is `validate`")
        if len(self.patterns) > _MOST_PATTERNS:
            raise ValueError(f"`patterns` are {_MOST_PATTERNS} at most")


class GuardRule(Struct, frozen=True, forbid_unknown_fields=True):
    """Which calls are checked by which guardrails. All rules that fit a call count."""

    name: RuleName
    before: Annotated[tuple[str, ...], Meta(description="Guardrails that look at what is asked, by name.")] = ()
    after: Annotated[tuple[str, ...], Meta(description="Guardrails that look at what is answered, by name.")] = ()
    streams: Annotated[
        Literal["hold", "skip"],
        Meta(
            description="An answer that comes as events: hold it back until it is whole and checked, or let it pass "
            "unchecked."
        ),
    ] = "hold"
    when: When = field(default_factory=When)

    def __post_init__(self) -> None:
        if not (self.before or self.after):
            raise ValueError("a rule names guardrails: `before`, `after` or both")


class Guardrails(Struct, frozen=True, forbid_unknown_fields=True):
    """Checks of what is asked and answered, and for which calls they are made. Callers may ask for more of them."""

    checks: Annotated[dict[str, Guardrail], Meta(description="The guardrails there are, by a name of yours.")] = field(
        default_factory=dict
    )
    rules: Annotated[tuple[GuardRule, ...], Meta(description="Which calls they are for.")] = ()
    max_sent: Annotated[
        Bytes, Meta(description="Bytes of a text, or of pictures, that a check takes; with more it counts as failed.")
    ] = Bytes(16 * 1024**2)


def _usual(known: FieldInfo) -> object:
    return known.default if known.default is not NODEFAULT else known.default_factory()
