import json
from typing import Any

import pytest
from anthropic.types import MessageTokensCount

from tests.families.language.messages.said import MESSAGE, events, request
from tests.families.language.written import whole
from torana.core.errors import InvalidRequest
from torana.core.exchange import Reply
from torana.families.base import Body
from torana.families.language.asked import LanguageRequest, Spoken
from torana.families.language.messages import COUNT_TOKENS, MESSAGES
from torana.families.language.messages.operations import (
    fold_message,
    read_count,
    read_message,
    write_message,
)

DATA = json.dumps(MESSAGE).encode()


async def publish(_picture: object) -> str:
    raise NotImplementedError


async def written(asked: LanguageRequest, spoken: Spoken) -> tuple[Body, bytes]:
    body = await write_message(asked, Reply(spoken), publish)
    return body, whole(body)


def test_where_it_answers() -> None:
    assert MESSAGES.paths == ("/messages", "/v1/messages")
    assert COUNT_TOKENS.paths == ("/messages/count_tokens", "/v1/messages/count_tokens")
    assert MESSAGES.forwards == COUNT_TOKENS.forwards == ("anthropic-version", "anthropic-beta")
    assert MESSAGES.wording is COUNT_TOKENS.wording
    assert MessageTokensCount.model_validate({"input_tokens": 5}).input_tokens == 5
    assert MESSAGES.ignored(request()) == ()


@pytest.mark.parametrize("missing", ["model", "max_tokens", "messages"])
def test_what_is_needed(missing: str) -> None:
    body: dict[str, Any] = {"model": "m", "max_tokens": 5, "messages": []}
    del body[missing]
    with pytest.raises(InvalidRequest) as caught:
        read_message(json.dumps(body).encode())
    assert (caught.value.param, caught.value.code) == (missing, "missing_required_parameter")


def test_a_count_needs_no_bound() -> None:
    asked = read_count(b'{"model": "m", "messages": []}')
    assert (asked.operation, asked.stream) == ("messages.count_tokens", False)


async def test_an_answer_is_written_as_it_is() -> None:
    body, data = await written(request(), Spoken(DATA))
    assert (body.media_type, body.length, data) == ("application/json", len(DATA), DATA)


async def test_nothing_is_written_of_one_that_was_told() -> None:
    assert (await written(request(stream=True), Spoken(b"", "text/event-stream", told=True)))[1] == b""


async def test_a_kept_answer_is_told_again() -> None:
    asked = request(stream=True)
    body, data = await written(asked, Spoken(DATA))
    assert (body.media_type, body.length) == ("text/event-stream", len(data))
    assert events(data)[-1] == {"type": "message_stop"}
    assert json.loads(fold_message(asked, [data]).data) == MESSAGE
