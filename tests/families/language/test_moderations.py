import json

import pytest

from torana.core.errors import InvalidRequest
from torana.families.language.moderations import MODERATIONS, read_moderation

PARTS = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]


@pytest.mark.parametrize("given", ["a", "", ["a", "b"], PARTS])
def test_every_shape_of_input_is_taken(given):
    request = read_moderation(json.dumps({"model": "m", "input": given}).encode())
    assert (request.operation, request.model, request.body["input"]) == (MODERATIONS.operation, "m", given)
    assert (request.longest, MODERATIONS.ignored(request)) == (0, ())


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": "a"}, "model"),
        ({"model": "m"}, "input"),
        ({"model": "m", "input": []}, "input"),
        ({"model": "m", "input": 3}, "input"),
        ({"model": "m", "input": {"text": "a"}}, "input"),
    ],
)
def test_what_is_wrong_is_named(body, param):
    with pytest.raises(InvalidRequest) as caught:
        read_moderation(json.dumps(body).encode())
    assert caught.value.param == param
