import pytest

from torana.assembly.policies.checking import policy_checks
from torana.config.load import ConfigError, load_text
from torana.providers.base import declarations

SOUND = """\
providers: {lab: {type: openai}, deaf: {type: anthropic}}
models: {judge: {targets: [{target: deaf/y}, {target: lab/x}]}}
counters: {valkey: {env: STORE}}
cache: {store: valkey}
guardrails:
  checks:
    one: {kind: regex, patterns: ["a+b"]}
    two: {kind: moderation, model: judge}
    three: {kind: moderation, model: lab/x}
  rules: [{name: all, before: [one], after: [two, three]}]
limits: [{name: calls, of: requests, limit: 9, when: {operations: ["images.*", chat.completions]}}]
access: {grants: [{name: some, to: [everyone], operations: ["*"]}]}
"""


def mistakes(text):
    return list(map(str, policy_checks(load_text(text), declarations())))


def test_what_holds_together():
    assert mistakes(SOUND) == []


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("before: [one]", "before: [won]", "line 10: guardrails.rules[0].before[0]: there is no guardrail `won`"),
        ("a+b", "(a+)+b", "line 7: guardrails.checks.one.patterns[0]: repeats what itself repeats"),
        ("model: judge", "model: nobody/x", "line 8: guardrails.checks.two.model: there is no model `nobody/x`"),
        ("model: lab/x", "model: lab/z", "line 9: guardrails.checks.three.model: `lab` is not known to have it: add"),
        ("model: lab/x", "model: deaf/y", "line 9: guardrails.checks.three.model: `deaf/y` cannot do moderations."),
        ("[{target: deaf/y}, {target: lab/x}]", "[{target: deaf/y}]", "line 8: guardrails.checks.two.model: `judge`"),
        ("images.*", "image.*", "line 11: limits[0].when.operations[0]: no operation is called so. Did you mean `"),
        ('["*"]', "[chats]", "line 12: access.grants[0].operations[0]: no operation is called so."),
        ("counters: {valkey: {env: STORE}}", "counters: {}", "line 4: cache.store: needs the server"),
    ],
)
def test_what_does_not(before, after, told):
    assert any(mistake.startswith(told) for mistake in mistakes(SOUND.replace(before, after)))


def test_what_is_wrong_with_an_account_is_not_told_of_its_guardrail_too():
    assert mistakes(SOUND.replace("type: openai", "type: opnai")) == []
    (told,) = mistakes(SOUND.replace("model: lab/x", "model: lob/x"))
    assert told.startswith("line 9: guardrails.checks.three.model: there is no model `lob/x`")
    with pytest.raises(ConfigError) as refused:
        load_text("providers: {lab: {typ: x}}\nguardrails: {checks: {a: {kind: moderation, model: lab/x}}}")
    assert refused.value.partial is not None
    assert list(policy_checks(refused.value.partial, declarations())) == []


def test_a_model_that_moderates_is_known_as_the_docs_have_it():
    assert (
        mistakes(
            "guardrails: {checks: {a: {kind: moderation, model: openai/omni-moderation-latest}}}\n"
            "providers: {openai: {type: openai}}"
        )
        == []
    )


def test_of_a_list_that_could_not_be_read_whole_no_places_are_told():
    """What is left of it does not stand where it was written."""
    with pytest.raises(ConfigError) as refused:
        load_text("limits: [{name: a}, {name: b, of: requests, limit: 1, when: {operations: [chats]}}]")
    assert refused.value.partial is not None
    assert list(policy_checks(refused.value.partial, declarations())) == []
