import json

import pytest

from tests.dialects.sent import json_of
from torana.core.content import PictureInfo, Size
from torana.dialects.steps import Ask, Received, Send, Sent
from torana.providers.replicate import DECLARATIONS, draw

MODELS = DECLARATIONS[0].abilities


def source(length):
    return Sent(bytes(length), PictureInfo("png", Size(64, 48)))


def submitted(step):
    """The input of a submission."""
    assert isinstance(step, Send)
    assert step.submits
    return json_of(step.message)["input"]


def test_a_large_source_is_uploaded_first_and_that_is_no_submission():
    steps = draw(Ask("images.variations", "black-forest-labs/flux-redux-dev", 1, sources=(source(300_000),)))
    upload = next(steps)
    assert isinstance(upload, Send)
    assert (upload.message.path, upload.submits) == ("/v1/files", False)
    placed = {"id": "f", "urls": {"get": "https://api.replicate.com/v1/files/f"}}
    step = steps.send(Received(201, {}, json.dumps(placed).encode()))
    assert submitted(step) == {"redux_image": "https://api.replicate.com/v1/files/f"}


@pytest.mark.parametrize("model", MODELS)
def test_every_model_takes_its_sources_by_a_name_of_its_own(model):
    sources = (source(10),) * MODELS[model].sources
    told = submitted(next(draw(Ask("images.variations", model, 1, sources=sources))))
    (given,) = told.values()
    assert len(given if isinstance(given, list) else [given]) == len(sources)
