import json

import pytest

from torana.core.errors import InvalidImage, Moderated, UpstreamError, UpstreamRateLimited, UpstreamRejected
from torana.dialects.steps import Ask, Link, Poll, Received
from torana.providers.fal import draw, fault


def reply(**fields):
    return Received(200, {}, json.dumps(fields).encode())


def drawn(result):
    """What comes of a job with this result."""
    steps = draw(Ask("images.generations", "fal-ai/flux/dev", 1, prompt="a lighthouse"))
    next(steps)
    step = steps.send(reply(status_url="https://queue.fal.run/s", response_url="https://queue.fal.run/r"))
    assert isinstance(step, Poll)
    assert step.url == "https://queue.fal.run/s"
    assert steps.send(reply(status="COMPLETED")).url == "https://queue.fal.run/r"
    with pytest.raises(StopIteration) as ended:
        steps.send(result)
    return ended.value.value


def test_a_flagged_picture_is_paid_for_and_not_shown():
    pictures = [{"url": "https://a.test/1"}, {"url": "https://a.test/2"}]
    some = drawn(reply(images=pictures, has_nsfw_concepts=[True, False]))
    assert (some.pictures, some.billed) == ((Link("https://a.test/2"),), 2)


@pytest.mark.parametrize(
    "flags", [{}, {"has_nsfw_concepts": None}, {"has_nsfw_concepts": []}, {"has_nsfw_concepts": [False]}]
)
def test_not_every_model_has_flags(flags):
    pictures = [{"url": "https://a.test/1"}, {"url": "https://a.test/2"}]
    assert len(drawn(reply(images=pictures, **flags)).pictures) == 2


@pytest.mark.parametrize(
    ("status", "detail", "kind", "code"),
    [
        (422, [{"type": "missing"}, {"type": "content_policy_violation"}], Moderated, "moderation_blocked"),
        (422, [{"type": "image_load_error"}], InvalidImage, "image_parse_error"),
        (422, [{"type": "missing"}], UpstreamRejected, "upstream_rejected"),
        (403, "User is locked. Reason: Exhausted balance.", UpstreamRejected, "insufficient_quota"),
        (429, "Slow down", UpstreamRateLimited, "rate_limit_exceeded"),
        (500, {"odd": 1}, UpstreamError, "upstream_error"),
    ],
)
def test_errors_are_told_apart_by_their_details(status, detail, kind, code):
    error = fault(Received(status, {}, json.dumps({"detail": detail}).encode()))
    assert (type(error), error.code) == (kind, code)
