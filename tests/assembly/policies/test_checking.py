import pytest

from torana.assembly.policies.checking import policy_checks
from torana.config.load import load_text

SOUND = """\
providers: {lab: {type: echo}}
models: {judge: {targets: [{target: lab/x}]}}
counters: {valkey: {env: STORE}}
cache: {store: valkey}
guardrails:
  checks:
    one: {kind: regex, patterns: ["a+b"]}
    two: {kind: moderation, model: judge}
    three: {kind: moderation, model: lab/x}
  rules: [{name: all, before: [one], after: [two, three]}]
"""


def test_what_holds_together():
    assert list(policy_checks(load_text(SOUND))) == []


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("before: [one]", "before: [won]", "line 10: guardrails.rules[0].before[0]: there is no guardrail `won`"),
        ("a+b", "(a+)+b", "line 7: guardrails.checks.one.patterns[0]: repeats what itself repeats"),
        ("model: judge", "model: nobody/x", "line 8: guardrails.checks.two.model: there is no model `nobody/x`"),
        ("counters: {valkey: {env: STORE}}", "counters: {}", "line 4: cache.store: needs the server"),
    ],
)
def test_what_does_not(before, after, told):
    (mistake,) = policy_checks(load_text(SOUND.replace(before, after)))
    assert str(mistake).startswith(told)
