import json
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from tests.policy.guardrails.kit import FACTS, FOUND, named, seen
from torana.core.clock import FakeClock
from torana.core.content import PictureInfo, Size, SoundInfo
from torana.core.errors import GuardrailBlocked, GuardrailFailed, InvalidRequest
from torana.core.exchange import Reply
from torana.families.audio.listening import SoundRequest
from torana.families.images.request import ImageRequest
from torana.families.language.asked import Spoken, read_request
from torana.families.language.rerank import RerankRequest
from torana.families.language.responses.continued import Continued
from torana.families.listed import FAMILIES
from torana.pipeline import guarding as module
from torana.pipeline.guarding import as_read, document_of, guard_answer, guard_request
from torana.policy.guardrails.checks import CheckFailed, Finding
from torana.policy.guardrails.watch import UNWATCHED, Watch
from torana.telemetry.record import Record

PARSE: dict[str, Any] = {family.operation: family.parse for family in FAMILIES}


@pytest.fixture
def record():
    return Record(FakeClock(), "req", "POST", "/")


class Upload:
    filename, info, size = "x.png", PictureInfo("png", Size(1, 1)), 3

    def at_hand(self) -> None:
        """Never in memory."""

    async def chunks(self):
        yield b"\0\1"
        yield b"\2"


def changing(document, **more):
    return named("a", Finding(found=True, document=document), operation="mutate", **more)


def chat(**more):
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **more}
    return read_request("chat.completions", json.dumps(body).encode())


async def test_without_guardrails_nothing_is_done(record):
    request, reply = chat(), Reply(Spoken(b"no JSON"))
    assert await guard_request(request, UNWATCHED, FACTS, record) is request
    assert await guard_answer(reply, request, watch=UNWATCHED, facts=FACTS, record=record) is reply
    assert record.stages == []


async def test_a_request_goes_on_as_a_guardrail_makes_it_but_where_it_goes(record):
    other = {"model": "x", "stream": False, "messages": [{"role": "user", "content": "ho"}]}
    request = await guard_request(chat(stream=True, n=2), Watch((changing(other),)), FACTS, record)
    assert request.body == {"model": "m", "stream": True, "messages": other["messages"]}
    assert json.loads(request.raw) == request.body
    assert (request.model, request.stream, [name for name, _ in record.stages]) == ("m", True, ["guard"])


async def test_what_was_read_out_of_a_request_is_read_anew(record):
    asked = PARSE["rerank"](json.dumps({"model": "m", "query": "a", "documents": ["b"]}).encode())
    guarded = await guard_request(asked, Watch((changing({"query": "A", "documents": ["B"]}),)), FACTS, record)
    assert isinstance(guarded, RerankRequest)
    assert (guarded.query, guarded.texts) == ("A", ("B",))


async def test_what_makes_no_request_is_the_guardrails_fault(record):
    with pytest.raises(GuardrailFailed, match="cannot be"):
        await guard_request(chat(), Watch((changing({"messages": []}),)), FACTS, record)


async def test_words_beside_pictures_and_sounds_are_guarded_too(record):
    picture = ImageRequest("m", (Upload(),), prompt="a", wishes={"negative_prompt": "b", "quality": "high"})
    assert document_of(picture) == {"model": "m", "n": 1, "prompt": "a", "negative_prompt": "b"}
    guarded = await guard_request(picture, Watch((changing({"prompt": "A", "negative_prompt": "B"}),)), FACTS, record)
    assert (guarded.prompt, guarded.wishes) == ("A", {"negative_prompt": "B", "quality": "high"})
    assert guarded.images is picture.images
    fields = (("model", "m"), ("prompt", "a"))
    sound = SoundRequest("audio.transcriptions", "m", dict(fields), b"", fields=fields, sound=Sound())
    heard = await guard_request(sound, Watch((changing({"prompt": "A"}),)), FACTS, record)
    assert (heard.fields, heard.body["prompt"]) == ((("model", "m"), ("prompt", "A")), "A")


class Sound:
    filename, info, size = "x.wav", SoundInfo("wav"), 1

    def at_hand(self) -> None:
        """Never in memory."""

    async def chunks(self):
        yield b"x"


async def test_uploads_are_shown_as_they_are(record, monkeypatch):
    check = named("a")
    picture = ImageRequest("m", (Upload(),), mask=Upload())
    await guard_request(picture, Watch((check,)), FACTS, record)
    shown = seen(check)[0].pictures
    assert list(await shown()) == ["data:image/png;base64,AAEC"] * 2
    monkeypatch.setattr(module, "_MOST_SHOWN", 5)
    with pytest.raises(CheckFailed, match="too large"):
        await shown()


async def test_what_has_no_words_is_not_looked_at(record):
    class Asked:
        model, parts, amounts = "m", (), {}

    asked = Asked()
    assert await guard_request(asked, Watch((named("a", FOUND),)), FACTS, record) is asked


def answering(*findings, **settings):
    return Watch(after=(named("a", *findings, **settings),))


async def test_an_answer_is_refused_or_changed(record):
    reply = Reply(Spoken(b'{"choices": []}'), emulated=("x",))
    with pytest.raises(GuardrailBlocked):
        await guard_answer(reply, chat(), watch=answering(FOUND), facts=FACTS, record=record)
    changed = answering(Finding(found=True, document={"choices": [1]}), operation="mutate")
    guarded = await guard_answer(reply, chat(), watch=changed, facts=FACTS, record=record)
    assert guarded == structs.replace(reply, body=Spoken(b'{"choices":[1]}'))
    assert await guard_answer(reply, chat(), watch=answering(), facts=FACTS, record=record) is reply


async def test_an_answer_in_plain_text_is_its_text(record):
    reply = Reply(Spoken(b"hello", "text/plain; charset=utf-8"))
    changed = answering(Finding(found=True, document={"text": "HO"}), operation="mutate")
    guarded = await guard_answer(reply, chat(), watch=changed, facts=FACTS, record=record)
    assert guarded.body == Spoken(b"HO", "text/plain; charset=utf-8")


@pytest.mark.parametrize("spoken", [Spoken(b"", told=True), Spoken(b"\0", "audio/mpeg"), "pictures"])
async def test_what_was_told_or_has_no_words_is_past_guarding(record, spoken):
    reply = Reply(spoken)
    assert await guard_answer(reply, chat(), watch=answering(FOUND), facts=FACTS, record=record) is reply


async def test_an_answer_that_cannot_be_read_is_let_go_by_nobody(record):
    with pytest.raises(GuardrailFailed):
        await guard_answer(Reply(Spoken(b"[1")), chat(), watch=answering(), facts=FACTS, record=record)


async def test_what_is_nested_too_deeply_to_be_looked_at(record):
    class Deep:
        async def look(self, matter):
            raise RecursionError

    deep = replace(named("a", Finding()), check=Deep())
    with pytest.raises(InvalidRequest, match="nested"):
        await guard_request(chat(), Watch((deep,)), FACTS, record)
    reply = Reply(Spoken(b"{}"))
    with pytest.raises(GuardrailFailed, match="nested") as failed:
        await guard_answer(reply, chat(), watch=Watch(after=(deep,)), facts=FACTS, record=record)
    assert failed.value.spent


async def test_a_conversation_that_is_changed_no_upstream_has(record):
    body = {"model": "m", "input": [{"role": "user", "content": "dirty"}]}
    sent = read_request("responses", json.dumps({"model": "m", "input": "more"}).encode())
    asked = Continued("responses", "m", body, json.dumps(body).encode(), sent=sent, account="lab")
    assert await guard_request(asked, Watch((named("a", Finding()),)), FACTS, record) is asked
    guarded = await guard_request(asked, Watch((changing({"input": "clean"}),)), FACTS, record)
    assert isinstance(guarded, Continued)
    assert (guarded.body, json.loads(guarded.raw), guarded.account) == (
        {"model": "m", "input": "clean"},
        {"input": "clean", "model": "m"},
        "",
    )


def test_nothing_is_asked_but_what_was_read():
    raw = b'{"model": "m", "input": ["dirty"], "input": ["clean"]}'
    asked = read_request("responses", raw)
    clean = b'{"model":"m","input":["clean"]}'
    assert as_read(asked).raw == clean
    both = as_read(Continued("responses", "m", asked.body, raw, sent=asked, account="lab"))
    assert (both.raw, both.sent.raw, both.account) == (clean, clean, "lab")
    picture = ImageRequest("m", (), prompt="a")
    assert as_read(picture) is picture
