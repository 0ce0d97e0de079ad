import pytest

from tests.dialects.gemini.kit import at
from torana.dialects.gemini.place import generation, named


@pytest.mark.parametrize(
    ("model", "number"),
    [
        ("gemini-2.5-pro", 2),
        ("gemini-3.1-pro-preview", 3),
        ("gemini-10-flash", 10),
        ("gemini-flash-latest", 3),
        ("gemma-4-27b-it", 2),
    ],
)
def test_generations(model: str, number: int) -> None:
    assert generation(model) == number


@pytest.mark.parametrize(
    ("operation", "name"),
    [("chat.completions", "messages"), ("messages", "messages"), ("responses", "input"), ("completions", "prompt")],
)
def test_fields_have_the_names_that_the_client_knows(operation: str, name: str) -> None:
    assert named(at(operation=operation), "messages") == name
