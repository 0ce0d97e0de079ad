import pytest

from torana.config.guardrails import Guardrails
from torana.config.load import ConfigError, load_text
from torana.config.units import Seconds


def check(written: str) -> str:
    return f"guardrails: {{checks: {{a: {written}}}}}"


def test_there_are_none_by_default():
    assert load_text("").settings.guardrails == Guardrails()


def test_every_kind_with_all_that_it_has():
    settings = load_text("""\
guardrails:
  checks:
    r: {kind: regex, patterns: ["a+b"], operation: mutate, replacement: "[x]", priority: 0}
    s: {kind: secrets, strategy: audit, scope: last}
    m: {kind: moderation, model: lab/judge, thresholds: {self-harm/intent: 0.4}, pictures: true}
    w: {kind: webhook, url: "https://a.example/b", token: {env: X}, headers: {x-a: b}, config: {level: 3, deep: true}}
  rules: [{name: all, before: [s, r], after: [w], streams: skip}]
""").settings.guardrails
    assert settings.checks["m"].thresholds == {"self-harm/intent": 0.4}
    assert settings.checks["w"].config == {"level": 3, "deep": True}
    assert (settings.rules[0].before, settings.rules[0].streams) == (("s", "r"), "skip")
    assert settings.checks["s"].timeout == Seconds(5)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("{kind: regex}", "`patterns` is missing"),
        ("{kind: moderation}", "`model` is missing"),
        ("{kind: webhook}", "`url` is missing"),
        ("{kind: secrets, model: x}", "`model` means nothing to a guardrail of kind secrets"),
        ("{kind: regex, patterns: [a], config: {b: 1}}", "`config` means nothing"),
        ("{kind: moderation, model: m, operation: mutate}", "replaces nothing"),
        (f"{{kind: regex, patterns: [{', '.join(['a'] * 65)}]}}", "64 at most"),
        ("{kind: moderation, model: m, thresholds: {violence: 2}}", "<= 1"),
        ('{kind: webhook, url: "https://u:p@a.example"}', "https://checks.example/v1"),
    ],
)
def test_what_does_not_go_together(written, told):
    with pytest.raises(ConfigError, match=r"guardrails\.checks\.a") as wrong:
        load_text(check(written))
    assert told in str(wrong.value)


def test_a_rule_names_guardrails():
    with pytest.raises(ConfigError, match=r"line 1: guardrails.rules\[0\]: a rule names guardrails"):
        load_text("guardrails: {rules: [{name: idle}]}")
