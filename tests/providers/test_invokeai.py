import json

import pytest

from tests.dialects.sent import json_of
from tests.providers.kit import photo
from torana.core.errors import UpstreamError
from torana.dialects.steps import Ask, Received, Send, Sent
from torana.families.images import EDIT
from torana.providers.imaging.graphs import Graph
from torana.providers.invokeai import draw

FILL = Graph({
    "nodes": {"a": {"image": {"image_name": "$image"}, "mask": {"image_name": "$mask"}, "seed": "$seed"}},
    "edges": [],
})  # fmt: skip


def sent() -> Sent:
    picture = photo(8, 8)
    return Sent(picture.data, picture.info)


def ok(body: object) -> Received:
    return Received(200, {}, json.dumps(body).encode())


def test_a_graph_of_the_operators_own_needs_no_model_and_makes_as_many_as_it_keeps():
    steps = draw(Ask(EDIT, "fill", 1, (sent(),), mask=sent(), seed=7), {"fill": FILL})
    next(steps)
    steps.send(ok({"image_name": "source.png"}))
    queued = steps.send(ok({"image_name": "mask.png"}))
    assert isinstance(queued, Send)
    assert queued.submits
    node = json_of(queued.message)["batch"]["graph"]["nodes"]["a"]
    assert node == {"image": {"image_name": "source.png"}, "mask": {"image_name": "mask.png"}, "seed": 7}
    steps.send(ok({"item_ids": [1]}))
    images = {name: {"image": {"image_name": name}} for name in ("a", "mask.png", "b")}
    assert steps.send(ok({"status": "completed", "session": {"results": images}})).message.path.endswith("/i/a/full")
    assert steps.send(Received(200, {}, b"A")).message.path.endswith("/i/b/full")
    with pytest.raises(StopIteration) as end:
        steps.send(Received(200, {}, b"B"))
    assert end.value.value.pictures == (b"A", b"B")


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ({"status": "completed"}, "upstream_empty_reply"),
        ({"status": "canceled"}, "upstream_job_failed"),
        ({"status": "on strike"}, "upstream_job_failed"),
    ],
)
def test_an_item_that_ends_without_pictures_is_a_failure(item, code):
    steps = draw(Ask(EDIT, "fill", 1, (sent(),), mask=sent()), {"fill": FILL})
    next(steps)
    steps.send(ok({"image_name": "source.png"}))
    steps.send(ok({"image_name": "mask.png"}))
    steps.send(ok({"item_ids": [1]}))
    with pytest.raises(UpstreamError) as failed:
        steps.send(ok(item))
    assert failed.value.code == code
