import json

import pytest
from msgspec import Raw, structs

from tests.dialects.openai_language.asking import CHARGED, RESPONSE, at, event, request, sent
from torana.core.errors import InvalidRequest, UpstreamCut, UpstreamError, UpstreamRateLimited
from torana.core.exchange import Event
from torana.dialects.openai_language.manner import Manner
from torana.dialects.openai_language.responses import STATEFUL, STATELESS, UsageTold, straight
from torana.dialects.steps import Received
from torana.families.language.responses.continued import Kept, continued

CREATED = event("response.created", response=RESPONSE, sequence_number=0)
DELTA = event("response.output_text.delta", delta="Hello", sequence_number=1)
COMPLETED = event("response.completed", response=RESPONSE, sequence_number=2)


def answered(body, status=200):
    return Received(status, {}, json.dumps(body).encode())


def going_on(account="a"):
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": []}
    sealed = reasoning | {"encrypted_content": "gAAAA"}
    items = [Raw(b'{"role":"user","content":"Hi"}'), *(Raw(json.dumps(item).encode()) for item in (reasoning, sealed))]
    kept = Kept(Raw(json.dumps(RESPONSE).encode()), items, account)
    return continued(request(previous_response_id="resp_1", input="And?", store=True), kept)


def relay(**body):
    asked = request(stream=True, **body)
    made = STATEFUL(asked, at(asked)).relay
    assert made is not None
    return made()


def test_a_request_goes_out_as_it_came():
    asked = request(input="Hi", odd={"kept": 1.0}, store=False)
    asking = STATEFUL(asked, at(asked, parameters={"service_tier": "flex"}, forwarded=(("openai-beta", "x"),)))
    assert (asking.message.method, asking.message.path) == ("POST", "/responses")
    assert sent(asking.message) == {
        "model": "theirs", "input": "Hi", "odd": {"kept": 1.0}, "store": False, "service_tier": "flex",
    }  # fmt: skip
    (body,) = asking.message.body
    assert isinstance(body, bytes)
    assert b'{"kept": 1.0}' in body
    assert ("openai-beta", "x") in asking.message.headers
    assert (asking.emulated, asking.relay) == ((), None)


def test_compaction_has_a_path_of_its_own():
    asked = request("responses.compact", input="Hi")
    assert STATEFUL(asked, at(asked)).message.path == "/responses/compact"


def test_an_upstream_that_remembers_is_asked_to():
    asked = going_on()
    home = structs.replace(asked, at_home=True)
    asking = STATEFUL(home, at(home))
    assert sent(asking.message) == {
        "model": "theirs", "previous_response_id": "resp_1", "input": "And?", "store": True,
    }  # fmt: skip
    assert asking.emulated == ()
    told = sent(STATELESS(home, at(home)).message)
    assert [item.get("type") for item in told["input"]] == [None, "reasoning", "message", None]


def test_any_other_is_told_all_that_was_said():
    asked = going_on()
    asking = STATEFUL(asked, at(asked))
    told = sent(asking.message)
    assert [item.get("role") for item in told["input"]] == ["user", "assistant", "user"]
    assert "previous_response_id" not in told
    assert asking.emulated == ("previous_response_id",)


def test_an_upstream_that_keeps_nothing_is_not_asked_to():
    asked = request(input="Hi", store=True)
    assert sent(STATELESS(asked, at(asked)).message) == {"model": "theirs", "input": "Hi"}


def test_an_answer_comes_back_as_it_is():
    asked = request(input="Hi")
    told = STATEFUL(asked, at(asked)).plain(answered(RESPONSE))
    assert json.loads(told.data) == RESPONSE
    assert told.used.tokens == CHARGED


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, UpstreamError),
        ([], UpstreamError),
        (RESPONSE | {"output": None}, UpstreamError),
        (RESPONSE | {"error": {"code": "rate_limit_exceeded"}, "status": "failed"}, UpstreamRateLimited),
        (RESPONSE | {"error": {"code": "invalid_prompt", "message": "No."}}, InvalidRequest),
    ],
)
def test_an_answer_that_is_none_is_an_error(body, error):
    asked = request(input="Hi")
    with pytest.raises(error):
        STATEFUL(asked, at(asked)).plain(answered(body))


def test_an_answer_without_usage_counts_nothing():
    asked = request(input="Hi")
    assert STATEFUL(asked, at(asked)).plain(answered(RESPONSE | {"usage": None})).used.tokens == {}
    assert UsageTold().tokens is None


def test_events_pass_as_they_are():
    told = relay(input="Hi")
    assert list(told.take(CREATED)) == []
    first = b"".join(told.take(DELTA))
    assert first == b"".join(b"event: %s\ndata: %s\n\n" % (e.name.encode(), e.data) for e in (CREATED, DELTA))
    assert not told.ended
    assert told.used.tokens == {"text_in": len(request(stream=True, input="Hi").raw) // 4, "text_out": 1}
    assert COMPLETED.data in b"".join(told.take(COMPLETED))
    assert told.ended
    assert told.used.tokens == CHARGED
    assert list(told.close()) == []
    assert list(told.take(Event("message", b"[DONE]"))) == []


def test_events_without_a_name_get_theirs():
    told = relay()
    assert list(told.take(Event("message", DELTA.data))) == [
        b"event: response.output_text.delta\ndata: %s\n\n" % DELTA.data
    ]


@pytest.mark.parametrize(
    ("failing", "error"),
    [
        (event("error", code="rate_limit_exceeded", message="Slow."), UpstreamRateLimited),
        (event("error", error={"type": "invalid_request_error", "message": "No.", "param": "x"}), InvalidRequest),
        (event("error", code=[]), UpstreamError),
        (event("response.failed", response={"error": {"code": "server_error"}}), UpstreamError),
        (event("response.failed"), UpstreamError),
        (Event("message", b"{"), UpstreamError),
        (Event("message", b"[]"), UpstreamError),
    ],
)
def test_an_error_before_the_first_word_is_ours_to_tell(failing, error):
    told = relay()
    list(told.take(CREATED))
    with pytest.raises(error):
        list(told.take(failing))


def test_an_error_after_it_is_told_as_it_is():
    told = relay()
    list(told.take(DELTA))
    failing = event("response.failed", response={"error": {"code": "server_error"}})
    assert failing.data in b"".join(told.take(failing))
    assert told.ended


def test_a_stream_that_breaks_off_is_cut():
    told = relay()
    list(told.take(DELTA))
    with pytest.raises(UpstreamCut):
        told.close()


def test_a_vendor_may_have_a_manner_of_its_own():
    asked = request(input="Hi", user="u")
    manner = Manner(ignored=frozenset({"user"}), sends_model=False, cost="cost")
    asking = straight(lambda at: f"/{at.model}/responses", manner, keeps=False)(asked, at(asked))
    assert (asking.message.path, sent(asking.message), asking.ignored) == (
        "/theirs/responses",
        {"input": "Hi"},
        ("user",),
    )
    costly = RESPONSE | {"usage": RESPONSE["usage"] | {"cost": 0.25}}
    assert str(asking.plain(answered(costly)).used.charged) == "0.25"
