import json

import pytest

from torana.core.errors import Moderated, ToranaError, UpstreamError, UpstreamRejected
from torana.dialects.steps import Ask, Poll, Received
from torana.providers.fireworks import draw, fault


def asked_after():
    """A conversation up to its first question after the job."""
    steps = draw(Ask("images.generations", "flux-kontext-pro", 1, prompt="a lighthouse"))
    next(steps)
    step = steps.send(Received(200, {}, b'{"request_id": "r1"}'))
    return steps, step


def test_a_job_is_asked_after_with_a_post_that_may_be_repeated():
    steps, step = asked_after()
    assert isinstance(step, Poll)
    assert (step.message.method, step.message.body) == ("POST", (b'{"id":"r1"}',))
    assert steps.send(Received(200, {}, b'{"status": "Pending"}')) == step


@pytest.mark.parametrize(
    ("status", "kind"),
    [("Request Moderated", Moderated), ("Error", UpstreamError), ("Failed", UpstreamError), ("Odd", UpstreamError)],
)
def test_a_job_ends_with_any_word_that_is_not_waiting(status, kind):
    steps, _ = asked_after()
    with pytest.raises(ToranaError) as raised:
        steps.send(Received(200, {}, json.dumps({"status": status}).encode()))
    assert type(raised.value) is kind


@pytest.mark.parametrize("status", [402, 412])
def test_an_account_without_credit_is_known_by_the_status(status):
    error = fault(Received(status, {}, b""))
    assert (type(error), error.code) == (UpstreamRejected, "insufficient_quota")
