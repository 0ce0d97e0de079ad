import pytest

from tests.providers.kit import photo
from torana.core.errors import Moderated, UpstreamError
from torana.dialects.steps import Ask, Received, Send, Sent
from torana.families.images import VARY
from torana.providers.black_forest_labs import draw

ASK = Ask(operation=VARY, model="flux-2-pro", n=1, sources=(Sent(photo().data, photo().info),))


def said(body: bytes) -> Received:
    return Received(200, {}, body)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("Request Moderated", Moderated),
        ("Content Moderated", Moderated),
        ("Error", UpstreamError),
        ("Task not found", UpstreamError),
        ("A word nobody knows", UpstreamError),
    ],
)
def test_every_status_but_pending_ends_the_job(status: str, error: type[Exception]) -> None:
    steps = draw(ASK)
    first = next(steps)
    assert isinstance(first, Send)
    assert first.submits
    poll = steps.send(said(b'{"id":"1","polling_url":"https://api.eu.bfl.ai/v1/get_result?id=1"}'))
    assert poll.url == "https://api.eu.bfl.ai/v1/get_result?id=1"
    again = steps.send(said(b'{"id":"1","status":"Pending"}'))
    assert again.url == poll.url
    with pytest.raises(error):
        steps.send(said(b'{"id":"1","status":"%s"}' % status.encode()))
