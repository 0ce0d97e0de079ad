import pytest

from tests.dialects.sent import json_of
from torana.dialects.steps import Ask, Send
from torana.families.images import GENERATE
from torana.providers.localai import draw


def asked(**changes: object) -> dict[str, object]:
    step = next(draw(Ask(GENERATE, "m", 1, **changes)))  # type: ignore[arg-type]  # the test's own
    assert isinstance(step, Send)
    body: dict[str, object] = json_of(step.message)
    return body


@pytest.mark.parametrize(
    ("prompt", "against", "sent"),
    [("a cat", "", "a cat"), ("a | b | c", "", "a / b / c"), ("a|b", "c|d", "a/b|c/d"), ("", "c", "|c")],
)
def test_only_we_part_what_is_to_be_shown_from_what_is_not(prompt, against, sent):
    assert asked(prompt=prompt, wishes={"negative_prompt": against})["prompt"] == sent


def test_no_two_calls_have_the_same_seed_unless_they_are_told_to():
    assert asked()["seed"] != asked()["seed"]
    assert asked(seed=7)["seed"] == 7
