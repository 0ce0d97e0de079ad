import json
import re

import pytest

from tests.providers.kit import photo
from torana.core.errors import UpstreamError
from torana.dialects.steps import Ask, Received, Send, Sent
from torana.families.images import VARY
from torana.providers.leonardo import draw

PHOTO = photo(32, 32, "JPEG")
ASK = Ask(VARY, "m", 1, sources=(Sent(PHOTO, PHOTO.info),), prompt="another")


def said(value: object) -> Received:
    return Received(200, {}, json.dumps(value).encode())


def after_upload_is_offered(fields: str) -> Send:
    steps = draw(ASK)
    next(steps)
    step = steps.send(said({"uploadInitImage": {"id": "i", "url": "https://b.s3.amazonaws.com/", "fields": fields}}))
    assert isinstance(step, Send)
    return step


def test_the_source_goes_to_the_store_openly_and_last_in_the_form():
    upload = after_upload_is_offered('{"key": "k", "policy": "p"}')
    assert (upload.url, upload.open, upload.submits) == ("https://b.s3.amazonaws.com/", True, False)
    before, file, after = [part if isinstance(part, bytes) else b"FILE" for part in upload.message.body]
    assert re.findall(rb'; name="([^"]*)"', before) == [b"key", b"policy", b"file"]
    assert file == b"FILE"
    assert b"name" not in after


@pytest.mark.parametrize("fields", ["", "[]", '{"key": 5}', "{"])
def test_a_form_that_cannot_be_read(fields):
    with pytest.raises(UpstreamError) as caught:
        after_upload_is_offered(fields)
    assert caught.value.code == "upstream_invalid_reply"


@pytest.mark.parametrize(
    ("cost", "charged"),
    [
        ({"amount": 0.02, "unit": "DOLLARS"}, "0.02"),
        ({"amount": "0.02"}, "0.02"),
        ({"amount": "some"}, None),
        ({"amount": "nan"}, None),
        ({"amount": 9, "unit": "CREDITS"}, None),
        (9, None),
        (None, None),
    ],
)
def test_only_dollars_are_a_cost(cost, charged):
    steps = draw(Ask("images.generations", "m", 1, prompt="a lighthouse"))
    next(steps)
    steps.send(said({"sdGenerationJob": {"generationId": "g", "cost": cost}}))
    done = {"status": "COMPLETE", "generated_images": [{"url": "https://cdn.leonardo.ai/a.png"}]}
    with pytest.raises(StopIteration) as end:
        steps.send(said({"generations_by_pk": done}))
    found = end.value.value.charged
    assert (None if found is None else str(found)) == charged
