import json

import pytest

from torana.core.errors import Moderated, UpstreamError, UpstreamRejected
from torana.dialects.steps import Ask, Received
from torana.families.images import GENERATE
from torana.providers.cloudflare import draw, fault


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 3030, "message": "AiError: Input image contains NSFW content"}, Moderated),
        ({"code": 3030, "message": "AiError: width must be divisible by 16"}, UpstreamRejected),
        ({"code": "3030", "message": "NSFW"}, UpstreamRejected),
    ],
)
def test_a_code_of_several_meanings(error, kind):
    assert type(fault(Received(400, {}, json.dumps({"errors": [error]}).encode()))) is kind


def test_a_success_that_holds_nothing():
    steps = draw(Ask(GENERATE, "@cf/black-forest-labs/flux-1-schnell", 1, prompt="a lighthouse"))
    next(steps)
    with pytest.raises(UpstreamError) as caught:
        steps.send(Received(200, {"content-type": "application/json"}, b'{"success": true, "result": {}}'))
    assert caught.value.code == "upstream_empty_reply"
