import json

import pytest

from torana.core.errors import UpstreamAuth, UpstreamError, UpstreamRateLimited, UpstreamTimeout
from torana.dialects.steps import Ask, Received
from torana.families.images import GENERATE
from torana.providers.openrouter import draw


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (401, UpstreamAuth),
        (408, UpstreamTimeout),
        (429, UpstreamRateLimited),
        (502, UpstreamError),
        ("server_error", UpstreamError),
        (None, UpstreamError),
        (200, UpstreamError),
    ],
)
def test_an_error_within_a_success_is_what_its_code_says(code, kind):
    steps = draw(Ask(GENERATE, "google/gemini-3-pro-image", 1, prompt="a lighthouse"))
    next(steps)
    with pytest.raises(UpstreamError) as caught:
        steps.send(Received(200, {}, json.dumps({"error": {"code": code, "message": "no"}}).encode()))
    assert type(caught.value) is kind
