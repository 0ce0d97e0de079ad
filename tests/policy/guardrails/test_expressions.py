import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.policy.guardrails.expressions import OVERLAP, WINDOW, compiled, found


@pytest.mark.parametrize(
    "written",
    [
        r"\d{3}-\d{2}-\d{4}",
        r"\w+@\w+\.com",
        r"[\w.+-]{1,64}@[\w-]{1,255}\.[\w.-]{2,64}",
        r"(?:\d[ -]?){13,16}",
        r"(?i)secret\s*[:=]\s*\S+",
        r"(?:(?>[a-z0-9]+)\.)+com",
        r"\b(?:password|passwort)\b",
        r"(?P<year>\d{4})[()|*]x",
        r"[]|(]{2}",
        r"\\(a|b)",
    ],
)
def test_what_is_safe(written):
    assert compiled(written).pattern == written


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("(", "no regular expression"),
        ("(a+)+b", "repeats what itself repeats"),
        ("(?:a|b)*c", "repeats what itself repeats or chooses"),
        ("(?:(?:a?)b*){2,}", "repeats what itself repeats"),
        (r"((a{1,99})x){40}", "repeats what itself repeats"),
        (r"(x)\1", "refers back"),
        (r"(?P<a>x)(?P=a)", "refers back"),
        (r"(x)?(?(1)y|z)", "refers back"),
        (r"\s*\w*\s*x", "takes too long"),
        ("a*", "where there is nothing"),
        ("a+b+c+d+e+f+g+h+", "more than 6"),
    ],
)
def test_what_is_not(written, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        compiled(written)


@pytest.mark.parametrize("at", [0, WINDOW - OVERLAP - 2, WINDOW - OVERLAP, WINDOW - 3, WINDOW, 3 * WINDOW + 7])
async def test_a_match_is_found_wherever_it_stands(at):
    text = "." * at + "needle" + "." * WINDOW
    assert [span async for span in found(compiled("needle"), text)] == [(at, at + 6)]


@given(st.text("ab .", max_size=40).map(lambda text: text * 150))
async def test_windows_find_what_the_whole_text_has(text):
    pattern = compiled("ab{1,5}")
    assert [span async for span in found(pattern, text)] == [match.span() for match in pattern.finditer(text)]
