import json

import pytest

from torana.core.errors import UpstreamError
from torana.dialects.steps import Ask, Received
from torana.families.images import GENERATE
from torana.providers.huggingface import draw


def submitted(response_url: str):
    """A job at fal's, asked after."""
    steps = draw(Ask(GENERATE, "fal-ai/fal-ai/flux/dev", 1, prompt="a lighthouse"))
    next(steps)
    return steps, steps.send(Received(200, {}, json.dumps({"response_url": response_url}).encode()))


def test_a_job_is_asked_after_behind_the_router_whatever_address_it_gives():
    _, poll = submitted("https://elsewhere.example/fal-ai/flux/requests/r1")
    assert (poll.url, poll.message.path) == (None, "/fal-ai/fal-ai/flux/requests/r1/status?_subdomain=queue")


def test_an_address_that_is_none():
    with pytest.raises(UpstreamError) as caught:
        submitted("https://[fal")
    assert caught.value.code == "upstream_invalid_reply"


def test_a_status_that_nobody_knows_ends_the_job():
    steps, _ = submitted("https://queue.fal.run/r1")
    with pytest.raises(UpstreamError) as caught:
        steps.send(Received(200, {}, b'{"status": "PAUSED"}'))
    assert caught.value.code == "upstream_job_failed"


def test_a_models_name_stays_a_name():
    steps = draw(Ask(GENERATE, "hf-inference/acme/fast?x=1#y", 1, prompt="a lighthouse"))
    assert next(steps).message.path == "/hf-inference/models/acme/fast%3Fx%3D1%23y"
