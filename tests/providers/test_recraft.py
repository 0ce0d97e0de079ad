import json
from decimal import Decimal

import pytest

from torana.core.content import Size
from torana.core.errors import Moderated, UpstreamAuth, UpstreamError, UpstreamRejected
from torana.dialects.steps import Ask, Received
from torana.providers.recraft import DECLARATIONS, draw, fault

ABILITIES = DECLARATIONS[0].abilities


def test_its_units_are_told_in_dollars():
    steps = draw(Ask("images.generations", "recraftv3", 1, prompt="a lighthouse"))
    next(steps)
    with pytest.raises(StopIteration) as ended:
        steps.send(Received(200, {}, json.dumps({"credits": 7, "data": [{"url": "https://a.test/b"}]}).encode()))
    assert ended.value.value.charged == Decimal("0.007")


@pytest.mark.parametrize("model", ABILITIES.keys() - {"remix"})
def test_a_source_is_brought_to_a_size_that_the_model_makes(model):
    chosen = ABILITIES[model].canvas.nearest(Size(300, 200))
    assert chosen.size == chosen.source
    assert chosen.source is not None
    assert ABILITIES[model].demands.size_for(chosen.source) == chosen.source


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b'{"code": "prompt_moderation"}', Moderated),
        (400, b'{"code": "invalid_size"}', UpstreamRejected),
        (401, b'{"code": "unauthorized"}', UpstreamAuth),
        (402, b"", UpstreamRejected),
        (400, b'{"code": 5}', UpstreamRejected),
        (502, b"<html>", UpstreamError),
    ],
)
def test_errors_are_told_apart_by_their_codes(status, body, kind):
    assert type(fault(Received(status, {}, body))) is kind
