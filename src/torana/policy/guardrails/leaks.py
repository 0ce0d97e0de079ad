"""What secrets look like that ought not to leave the house, or to come back.

Each begins in its own way, which is looked for first; none begins within a word. Repetitions are bounded, and none is
within another, so that no text takes long.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

_WORD = r"(?<![A-Za-z0-9_-])"


@dataclass(frozen=True, slots=True)
class Leak:
    """One kind of secret."""

    name: str
    begins: tuple[str, ...]
    """One of these is in each of them."""
    expression: str

    @property
    def pattern(self) -> re.Pattern[str]:
        """The expression, compiled when it is first wanted: all of them take a twentieth of the gateway's start."""
        return _compiled(self.expression)


def _leak(name: str, begins: str, expression: str) -> Leak:
    return Leak(name, tuple(begins.split()), _WORD + expression)


@cache
def _compiled(expression: str) -> re.Pattern[str]:
    return re.compile(expression)


_KEY_BEGINS = "-----BEGIN"
LEAKS = (
    _leak("AWS access key", "AKIA ASIA", r"(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    Leak(
        "AWS secret key",
        ("aws_secret_access_key", "AWS_SECRET_ACCESS_KEY", "SecretAccessKey"),
        r"(?:aws_secret_access_key|AWS_SECRET_ACCESS_KEY|SecretAccessKey)[\"'\s:=]{1,8}[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])",
    ),
    Leak(
        "private key",
        (_KEY_BEGINS,),
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:(?:(?!-----)[\s\S]){0,20000}+-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?",
    ),
    _leak("GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_[A-Za-z0-9]{36,255}"),
    _leak("GitHub token", "github_pat_", r"github_pat_[A-Za-z0-9_]{36,255}"),
    _leak("GitLab token", "glpat-", r"glpat-[A-Za-z0-9_-]{20,255}"),
    _leak("Slack token", "xox", r"xox[abeoprs]-[A-Za-z0-9-]{10,255}"),
    _leak("Slack webhook", "hooks.slack.com", r"hooks\.slack\.com/services/[A-Za-z0-9/]{20,128}"),
    _leak("Anthropic key", "sk-ant-", r"sk-ant-[A-Za-z0-9_-]{24,255}"),
    _leak("OpenAI key", "sk-", r"sk-(?!ant-)(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{32,255}"),
    _leak("Google key", "AIza", r"AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"),
    _leak("Google token", "ya29.", r"ya29\.[A-Za-z0-9_-]{20,2048}"),
    _leak("Stripe key", "sk_live_ rk_live_ sk_test_ rk_test_", r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,255}"),
    _leak("Hugging Face token", "hf_", r"hf_[A-Za-z0-9]{30,64}"),
    _leak("npm token", "npm_", r"npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])"),
    _leak("JSON web token", "eyJ", r"eyJ[A-Za-z0-9_-]{8,8192}+\.eyJ[A-Za-z0-9_-]{8,8192}+\.[A-Za-z0-9_-]{8,8192}"),
)


def leaks(text: str) -> Iterator[tuple[str, int, int]]:
    """What is found: its kind, and where it begins and ends."""
    for leak in LEAKS:
        if any(begin in text for begin in leak.begins):
            for match in leak.pattern.finditer(text):
                yield leak.name, *match.span()
