import json
import re

import pytest

from tests.dialects.sent import json_of
from tests.providers.kit import photo
from torana.core.errors import UpstreamError, UpstreamRateLimited, UpstreamRejected
from torana.core.exchange import Event, Message
from torana.dialects.openai_images import Speech, decode_fault, drawing, read_drawn
from torana.dialects.steps import Ask, Received, Send, Sent
from torana.families.images import EDIT, GENERATE, VARY


def sent() -> Sent:
    picture = photo(8, 8)
    return Sent(picture.data, picture.info)


def message(speech: Speech, ask: Ask) -> Message:
    step = next(drawing(speech)(ask))
    assert isinstance(step, Send)
    assert step.submits
    return step.message


def names(asked: Message) -> list[str]:
    text = b"".join(part for part in asked.body if isinstance(part, bytes)).decode(errors="replace")
    return re.findall(r'form-data; name="([^"]*)"', text)


def reply(body: object) -> Received:
    return Received(200, {}, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("speech", "sources", "form"),
    [
        (Speech(), 1, ["model", "prompt", "n", "response_format", "user", "image"]),
        (Speech(), 2, ["model", "prompt", "n", "response_format", "user", "image[]", "image[]"]),
        (Speech(single_image_field=None), 1, ["model", "prompt", "n", "response_format", "user", "image[]"]),
        (Speech(sends_model=False, sends_user=False, wants_base64=None), 1, ["prompt", "n", "image"]),
        (Speech(omitted=frozenset({"n"})), 1, ["model", "prompt", "response_format", "user", "image"]),
        (Speech(renamed=(("n", "num"),)), 1, ["model", "prompt", "num", "response_format", "user", "image"]),
        (Speech(rewritten=lambda fields: {"all": fields}), 1, ["all", "image"]),
        (Speech(vary_by=VARY), 1, ["model", "n", "response_format", "user", "image"]),
        (
            Speech(vary_by=VARY, prompted_variations=True),
            1,
            ["model", "prompt", "n", "response_format", "user", "image"],
        ),
    ],
)
def test_each_way_of_speaking_shows_in_the_form(speech, sources, form):
    ask = Ask(VARY, "m", 1, (sent(),) * sources, prompt="p", user="u", wishes={"moderation": "low"})
    asked = message(speech, ask)
    assert asked.path == f"/{speech.vary_by.replace('.', '/')}"
    assert names(asked) == form


def test_an_edit_has_a_mask_and_words_and_the_operators_fields():
    asked = message(Speech(), Ask(EDIT, "m", 1, (sent(),), mask=sent(), prompt="p", parameters={"n": 2, "steps": 8}))
    assert asked.path == "/images/edits"
    assert names(asked) == ["model", "prompt", "n", "response_format", "steps", "image", "mask"]


def test_a_generation_is_json_where_numbers_are_numbers():
    wishes = {"output_compression": "80", "moderation": "low"}
    asked = message(Speech(wants_base64=None), Ask(GENERATE, "m", 2, prompt="p", wishes=wishes))
    told = {"model": "m", "prompt": "p", "n": 2, "output_compression": 80, "moderation": "low"}
    assert (asked.path, json_of(asked)) == ("/images/generations", told)


@pytest.mark.parametrize(("sources", "field"), [(1, "image"), (2, "images")])
def test_an_edit_in_json_has_data_uris(sources, field):
    ask = Ask(EDIT, "m", 1, (sent(),) * sources, prompt="p")
    told = json_of(message(Speech(edits_in_json=True), ask))
    picture = {"type": "image_url", "url": sent().data_uri()}
    assert told[field] == (picture if sources == 1 else [picture] * sources)


@pytest.mark.parametrize(
    ("said", "tokens", "prompt"),
    [
        ({}, {}, None),
        ({"usage": {"output_tokens": 5}}, {}, None),
        (
            {"usage": {"output_tokens": 5, "input_tokens_details": {"text_tokens": 1, "image_tokens": 2}}},
            {"text_in": 1, "image_in": 2, "image_out": 5},
            None,
        ),
        ({"data": [{"b64_json": "eA==", "revised_prompt": "a cat"}]}, {}, "a cat"),
        ({"usage": "none", "data": [{"b64_json": "eA==", "revised_prompt": 5}]}, {}, None),
    ],
)
def test_what_comes_beside_the_pictures_is_read_where_it_can_be(said, tokens, prompt):
    drawn = read_drawn(reply({"data": [{"b64_json": "eA=="}]} | said))
    assert (drawn.pictures, drawn.tokens, drawn.revised_prompt) == ((b"x",), tokens, prompt)


def test_a_reply_without_pictures_is_a_failure():
    with pytest.raises(UpstreamError):
        read_drawn(reply({"data": []}))


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (402, "", UpstreamRejected, "insufficient_quota"),
        (429, '{"error": {"code": "insufficient_quota"}}', UpstreamRejected, "insufficient_quota"),
        (429, '{"error": {"code": "rate_limit_exceeded"}}', UpstreamRateLimited, "rate_limit_exceeded"),
        (422, '{"detail": "no"}', UpstreamRejected, "upstream_rejected"),
        (400, '{"error": "no"}', UpstreamRejected, "upstream_rejected"),
    ],
)
def test_an_empty_purse_will_not_pass_by_waiting(status, body, kind, code):
    error = decode_fault(Received(status, {}, body.encode()))
    assert (type(error), error.code) == (kind, code)


@pytest.mark.parametrize(("partials", "told"), [(0, {}), (2, {"stream": True, "partial_images": 2})])
def test_previews_are_asked_for_by_their_number(partials, told):
    asked = message(Speech(), Ask(GENERATE, "m", 1, prompt="p", partials=partials))
    fields = json_of(asked)
    assert {name: fields[name] for name in ("stream", "partial_images") if name in fields} == told
    form = message(Speech(), Ask(EDIT, "m", 1, (sent(),), prompt="p", partials=partials))
    assert ("stream" in names(form), "partial_images" in names(form)) == (bool(partials), bool(partials))


def completed(picture: str, tokens: int) -> Event:
    details = {"text_tokens": tokens, "image_tokens": 0}
    usage = {"output_tokens": 10 * tokens, "input_tokens_details": details}
    said = {"type": "image_generation.completed", "b64_json": picture, "usage": usage}
    return Event("image_generation.completed", json.dumps(said).encode())


def test_a_stream_comes_to_its_finished_pictures_and_all_that_they_took():
    events = (completed("b25l", 3), Event("message", b'{"b64_json":"dHdv","usage":"none"}'), completed("dGhyZWU=", 4))
    drawn = read_drawn(Received(200, {}, b"", (*events, Event("message", b"[DONE]"))))
    assert drawn.pictures == (b"one", b"two", b"three")
    assert drawn.tokens == {"text_in": 7, "image_in": 0, "image_out": 70}
    assert drawn.streamed


@pytest.mark.parametrize("events", [(), (Event("message", b"[DONE]"),)])
def test_a_stream_without_pictures_is_a_failure(events):
    with pytest.raises(UpstreamError, match="without a picture"):
        read_drawn(Received(200, {}, b"", events))
