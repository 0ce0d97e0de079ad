import json

import pytest

from tests.dialects.sent import json_of
from torana.core.content import PictureInfo, Size
from torana.core.errors import Moderated, UpstreamError, UpstreamRejected
from torana.dialects.steps import Ask, Received, Sent
from torana.providers.together import DECLARATIONS, draw, fault

MODELS = DECLARATIONS[0].abilities


@pytest.mark.parametrize("model", MODELS)
def test_a_model_takes_sources_by_one_of_two_names_that_exclude_each_other(model):
    sources = (Sent(b"", PictureInfo("png", Size(64, 48))),) * MODELS[model].sources
    body = json_of(next(draw(Ask("images.edits", model, 1, prompt="x", sources=sources))).message)
    assert ("image_url" in body, "reference_images" in body) == ("kontext" in model, "kontext" not in model)
    assert len(body.get("reference_images", [body.get("image_url")])) == MODELS[model].sources


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (422, {"message": "NSFW content", "type": "invalid_request_error", "code": None}, Moderated),
        (400, {"message": "no", "type": "moderation_error", "code": 400}, Moderated),
        (400, {"message": None, "type": None, "code": None}, UpstreamRejected),
        (500, "odd", UpstreamError),
    ],
)
def test_a_refusal_is_known_by_its_words(status, error, kind):
    assert type(fault(Received(status, {}, json.dumps({"error": error}).encode()))) is kind
