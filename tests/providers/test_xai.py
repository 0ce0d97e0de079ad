import json

import pytest

from torana.core.errors import Moderated, UpstreamAuth, UpstreamRejected
from torana.dialects.steps import Received
from torana.providers.xai import fault


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (403, "Content violates usage guidelines. Team: t, Failed check: SAFETY_CHECK", Moderated),
        (403, "The caller does not have permission to execute the operation", UpstreamAuth),
        (400, {"message": "Generated image rejected by content moderation.", "code": None}, Moderated),
        (400, {"message": "Unknown field", "param": "frames"}, UpstreamRejected),
    ],
)
def test_a_sentence_or_an_object_tells_what_a_status_means(status, error, kind):
    assert type(fault(Received(status, {}, json.dumps({"code": "x", "error": error}).encode()))) is kind
