import json

import pytest

from torana.families.language import messages
from torana.families.language.messages import COUNT_TOKENS
from torana.providers.language.estimating import estimated


def count(**body: object) -> int:
    assert COUNT_TOKENS.parse is not None
    request = COUNT_TOKENS.parse(json.dumps({"model": "m", **body}).encode())
    answered = estimated(messages.VOICE)(request)
    assert answered.emulated == ("tokens",)
    (count,) = json.loads(answered.data).values()
    assert isinstance(count, int)
    return count


def user(content: object) -> list[dict[str, object]]:
    return [{"role": "user", "content": content}]


def test_about_a_quarter_of_the_bytes() -> None:
    text = "The quick brown fox jumps over the lazy dog. " * 40
    assert count(messages=user(text)) == pytest.approx(len(text) / 4, rel=0.05)
    assert count(messages=user("ü" * 100)) > count(messages=user("u" * 100))


def test_all_that_goes_in_counts() -> None:
    plain = count(messages=user("hi"))
    tool = {"name": "look", "description": "Looks.", "input_schema": {"type": "object", "properties": {}}}
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    called = [
        *user("hi"),
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "look", "input": {"at": "it"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "a cat"}]},
    ]
    assert count(messages=user("hi"), system="Be kind to all.") > plain
    assert count(messages=user("hi"), tools=[tool]) > plain + 10
    assert count(messages=user([picture, {"type": "text", "text": "hi"}])) > plain + 900
    assert count(messages=called) > plain + 10
