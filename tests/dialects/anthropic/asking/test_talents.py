import pytest

from torana.dialects.anthropic.asking.talents import Talents, talents


@pytest.mark.parametrize(
    ("model", "shaped", "adaptive", "budgets", "sampled", "off", "forced"),
    [
        ("claude-3-haiku-20240307", False, False, True, True, "", True),
        ("claude-3-7-sonnet-20250219", False, False, True, True, "", True),
        ("claude-opus-4-20250514", False, False, True, True, "", True),
        ("claude-haiku-4-5-20251001", True, False, True, True, "", True),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", True, False, True, True, "", True),
        ("claude-opus-4-5@20251101", True, False, True, True, "", True),
        ("us.anthropic.claude-opus-4-6-v1", True, True, True, True, "", True),
        ("claude-opus-4-7", True, True, False, False, "", True),
        ("anthropic/claude-opus-4.8", True, True, False, False, "", True),
        ("claude-sonnet-5", True, True, False, False, "disabled", True),
        ("claude-opus-5", True, True, False, False, "disabled", True),
        ("claude-fable-5", True, True, False, False, "never", True),
        ("claude-haiku-5-5", True, True, False, False, "disabled", True),
        ("claude-sonnet-5-5", True, True, False, False, "between_tools", False),
        ("claude-opus-5-5", True, True, False, False, "never", False),
        ("claude-fable-5-2", True, True, False, False, "never", False),
    ],
)
def test_generations_differ(  # noqa: PLR0917 - a table
    model: str, shaped: bool, adaptive: bool, budgets: bool, sampled: bool, off: str, forced: bool
) -> None:
    able = talents(model)
    assert (able.shaped, able.adaptive, able.budgets, able.sampled) == (shaped, adaptive, budgets, sampled)
    assert (able.off, able.forced) == (off, forced)


def test_how_much_they_say_and_think() -> None:
    assert (talents("claude-3-haiku-20240307").thinks, talents("claude-3-7-sonnet").thinks) == (False, True)
    assert [talents(name).longest for name in ("claude-3-haiku-20240307", "claude-opus-4-6")] == [4_096, 16_384]
    assert talents("claude-opus-4-5").efforts == ()
    assert talents("claude-opus-4-6").efforts == ("low", "medium", "high", "max")
    assert talents("claude-opus-4-7").efforts == ("low", "medium", "high", "xhigh", "max")


@pytest.mark.parametrize("model", ["some-model", "claude", "claude-instant", "MiniMax-M3"])
def test_imitations_are_asked_what_most_of_them_know(model: str) -> None:
    assert talents(model) == Talents()
