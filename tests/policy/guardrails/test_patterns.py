import pytest

from tests.policy.guardrails.kit import matter
from torana.config.guardrails import Guardrail
from torana.policy.guardrails.checks import NOTHING, CheckFailed
from torana.policy.guardrails.patterns import Expressions, Secrets

KEY = "AKIA" + "IOSFODNN7EXAMPLE"


def asked(*words):
    return matter(request={"messages": [{"content": word} for word in words]})


def expressions(*patterns, most=1000, **settings):
    return Expressions.of(Guardrail("regex", patterns=patterns, **settings), most=most)


async def test_an_expression_finds_and_tells_nothing_of_it():
    finding = await expressions(r"\d{3}-\d{4}").look(asked("call", "555-1234"))
    assert finding.found
    assert finding.document is None
    assert "555" not in repr(finding)
    assert await expressions(r"\d{3}-\d{4}").look(asked("call")) == NOTHING


async def test_an_expression_replaces_all_that_it_finds():
    check = expressions("a+", "ab", operation="mutate", replacement="<x>")
    assert (await check.look(asked("caabaa", "b", "ab"))).document == {
        "messages": [{"content": "c<x><x>"}, {"content": "b"}, {"content": "<x>"}]
    }


async def test_secrets_are_named_by_kind():
    finding = await Secrets(Guardrail("secrets"), 1000).look(asked("x", KEY))
    assert finding.why == "It has what looks like: AWS access key."
    check = Secrets(Guardrail("secrets", operation="mutate"), 1000)
    assert (await check.look(asked(f"{KEY} and {KEY}"))).document == {
        "messages": [{"content": "[redacted] and [redacted]"}]
    }
    assert await check.look(asked("nothing")) == NOTHING


@pytest.mark.parametrize("check", [expressions("a", most=10), Secrets(Guardrail("secrets"), 10)])
async def test_more_than_it_takes_is_a_failure(check):
    with pytest.raises(CheckFailed, match="more than 10 characters"):
        await check.look(asked("x" * 6, "x" * 6))


def test_an_unsafe_expression_makes_no_check():
    with pytest.raises(ValueError, match="repeats"):
        expressions("(a+)+")
