import json

import pytest

from tests.families.language.responses.asking import events_of, occasion, request
from tests.families.language.written import whole
from torana.core.errors import InvalidRequest
from torana.core.exchange import EVENT_STREAM, Reply
from torana.families.language.asked import Spoken
from torana.families.language.responses import COMPACTION, RESPONSES
from torana.families.language.responses.telling import tell
from torana.families.language.saying import Said, Utterance
from torana.families.language.words import Text

DATA = tell(Utterance((Said((Text("a"),)),)), occasion())


async def publish(_picture: object) -> str:
    raise AssertionError


async def written(asked, spoken):
    body = await RESPONSES.write(asked, Reply(spoken), publish)
    data = whole(body)
    assert len(data) == body.length
    return body.media_type, data


async def test_an_answer_is_written_as_it_is():
    assert await written(request(), Spoken(DATA)) == ("application/json", DATA)
    assert await written(request(stream=True), Spoken(b"", EVENT_STREAM, told=True)) == (EVENT_STREAM, b"")


async def test_an_answer_of_an_earlier_call_is_told_as_events_where_they_are_asked_for():
    media_type, data = await written(request(stream=True), Spoken(DATA))
    assert media_type == EVENT_STREAM
    assert events_of([data])[-1]["response"] == json.loads(DATA)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"background": True}, "background"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"previous_response_id": 3}, "previous_response_id"),
        ({"model": ""}, "model"),
    ],
)
def test_what_nobody_can_have_is_refused(body, param):
    with pytest.raises(InvalidRequest) as caught:
        request(**body)
    assert caught.value.param == param


def test_compaction_is_read():
    assert COMPACTION.parse is not None
    read = COMPACTION.parse(b'{"model":"m","input":"a"}')
    assert (read.operation, read.model) == ("responses.compact", "m")
