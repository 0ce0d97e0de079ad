import sys

import msgspec
import pytest
from msgspec import Struct

from tests.families.language.written import whole
from torana.core.errors import InvalidRequest
from torana.core.exchange import Reply
from torana.families.language.asked import (
    LanguageRequest,
    Spoken,
    frame,
    read_object,
    read_request,
    typed,
    write_spoken,
)


def body(**members: object) -> bytes:
    return msgspec.json.encode({"model": "m", **members})


def test_what_is_not_known_is_kept():
    request = read_request("chat.completions", body(messages=[], odd={"x": [1]}, stream=True), "messages")
    assert (request.model, request.stream, request.body["odd"]) == ("m", True, {"x": [1]})
    assert request.parts == (b"chat.completions", request.raw)


@pytest.mark.parametrize(
    ("raw", "param", "code"),
    [
        (b"", None, "invalid_json"),
        (b"[]", None, "invalid_json"),
        (b"{", None, "invalid_json"),
        (b"[" * 100_000, None, "invalid_json"),
        (b"{}", "model", "missing_required_parameter"),
        (b'{"model": null}', "model", "missing_required_parameter"),
        (b'{"model": ""}', "model", "invalid_value"),
        (b'{"model": 7}', "model", "invalid_value"),
        (b'{"model": "%s"}' % (b"x" * 257), "model", "invalid_value"),
        (b'{"model": "m"}', "messages", "missing_required_parameter"),
        (b'{"model": "m", "messages": [], "stream": "yes"}', "stream", "invalid_type"),
    ],
)
def test_a_wrong_body_is_told_by_its_field(raw, param, code):
    with pytest.raises(InvalidRequest) as caught:
        read_request("chat.completions", raw, "messages")
    assert (caught.value.param, caught.value.code) == (param, code)


def test_an_object_is_read_as_it_is():
    assert read_object(b'{"a": [1, null]}') == {"a": [1, None]}


class Inner(Struct):
    name: str


class Outer(Struct):
    inner: list[Inner] = []
    count: int = 0


@pytest.mark.parametrize(
    ("written", "param", "code"),
    [
        ({"count": "7"}, "count", "invalid_type"),
        ({"inner": [{"name": "a"}, {"name": 1}]}, "inner[1].name", "invalid_type"),
        ({"inner": [{}]}, "inner[0].name", "missing_required_parameter"),
        ([], None, "invalid_type"),
    ],
)
def test_the_first_member_that_is_not_as_described_is_named(written, param, code):
    with pytest.raises(InvalidRequest) as caught:
        typed(written, Outer)
    assert (caught.value.param, caught.value.code) == (param, code)
    assert param is None or param in caught.value.message


def test_what_is_as_described_is_given():
    assert typed({"inner": [{"name": "a"}], "more": 1}, Outer) == Outer([Inner("a")])


@pytest.mark.parametrize(
    ("members", "longest"),
    [
        ({}, None),
        ({"max_tokens": 7}, 7),
        ({"max_tokens": 7, "max_completion_tokens": 9}, 9),
        ({"max_output_tokens": 7, "n": 3}, 21),
        ({"max_tokens": 7, "n": "many"}, 7),
        ({"max_tokens": "many"}, None),
        ({"max_tokens": -1}, None),
        ({"max_tokens": 7, "n": 2, "best_of": 5}, 35),
        ({"max_tokens": 7, "n": -2}, 7),
        ({"max_tokens": 7, "prompt": ["a", "b", "c"], "n": 2}, 42),
        ({"max_tokens": 7, "prompt": [[1, 2], [3]]}, 14),
        ({"max_tokens": 7, "prompt": [1, 2, 3]}, 7),
    ],
)
def test_how_much_may_come_out(members, longest):
    request = read_request("chat.completions", body(**members))
    assert request.longest == longest
    assert request.amounts["bytes"] == request.length == len(request.raw)
    assert request.amounts["tokens"] >= (longest or 1)


@pytest.mark.asyncio
@pytest.mark.parametrize(("told", "data"), [(False, b"{}"), (True, b"")])
async def test_an_answer_is_written_once(told, data):
    async def publish(_picture: object) -> str:
        raise AssertionError

    written = await write_spoken(LanguageRequest("x", "m", {}, b""), Reply(Spoken(b"{}", told=told)), publish)
    assert whole(written) == data
    assert (written.media_type, written.length) == ("application/json", len(data))


def test_what_was_told_is_not_there_to_be_kept():
    assert Spoken(b"four").size == 4
    assert Spoken(b"", told=True).size == sys.maxsize


def test_frames():
    assert frame(b"{}") == b"data: {}\n\n"
    assert frame(b"{}", "ping") == b"event: ping\ndata: {}\n\n"


@pytest.mark.parametrize("name", ["Model", "MESSAGES", "Max_Tokens", "Stream", "N", "me\u017f\u017fages"])
def test_a_member_that_looks_like_one_that_is_read_here_is_refused(name):
    with pytest.raises(InvalidRequest, match="must be written") as caught:
        read_request("chat.completions", body(**{name: 1}))
    assert (caught.value.param, caught.value.code) == (name, "unknown_parameter")


def test_other_members_are_written_as_they_like():
    assert read_request("chat.completions", body(topK=1, Top_K=2)).body["Top_K"] == 2


def test_many_answers_take_many_tokens():
    one, many = (read_request("chat.completions", body(n=n)).amounts["tokens"] for n in (1, 8))
    assert many == 8 * 1024 + one - 1024


def test_of_a_member_that_is_there_twice_what_was_read_goes_on():
    raw = b'{"model": "m", "messages": [{"content": "dirty", "content": "clean"}], "x": 1.0}'
    request = read_request("chat.completions", raw).as_read()
    assert request.raw == b'{"model":"m","messages":[{"content":"clean"}],"x":1.0}'
    assert LanguageRequest("audio.transcriptions", "m", {"model": "m"}, b"").as_read().raw == b""
