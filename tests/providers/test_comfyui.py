import json
from pathlib import Path

import pytest

from tests.dialects.sent import json_of
from tests.providers.kit import photo
from torana.config.upstreams import Account
from torana.core.content import Size
from torana.core.errors import InvalidRequest
from torana.dialects.steps import Ask, Poll, Received, Send, Sent
from torana.families.images import EDIT, VARY
from torana.providers.comfyui import DECLARATIONS, draw
from torana.providers.imaging.graphs import read_graphs

KONTEXT = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "$image"}},
    "2": {"class_type": "LoadImage", "inputs": {"image": "$image2"}},
    "3": {"class_type": "Edit", "inputs": {"text": "$prompt", "seed": "$seed", "steps": "$steps"}},
}


def sent(width: int = 64, height: int = 48) -> Sent:
    picture = photo(width, height)
    return Sent(picture.data, picture.info)


def ok(body: object) -> Received:
    return Received(200, {}, json.dumps(body).encode())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "kontext.json").write_text(json.dumps(KONTEXT))
    return tmp_path


def test_a_graph_of_the_operators_own_is_filled_and_queued(folder):
    ask = Ask(VARY, "kontext", 1, (sent(),), prompt="$seed", size=Size(64, 48), parameters={"steps": 8})
    steps = draw(ask, read_graphs(str(folder)))
    assert next(steps).message.path == "/upload/image"
    queued = steps.send(ok({"name": "a.png", "subfolder": "s"}))
    assert isinstance(queued, Send)
    assert queued.submits
    prompt = json_of(queued.message)["prompt"]
    assert prompt["1"]["inputs"]["image"] == prompt["2"]["inputs"]["image"] == "s/a.png"
    assert (prompt["3"]["inputs"]["text"], prompt["3"]["inputs"]["steps"]) == ("$seed", 8)
    asked = steps.send(ok({"prompt_id": "../a?b"}))
    assert isinstance(asked, Poll)
    assert asked.message.path == "/history/..%2Fa%3Fb"


def test_no_two_calls_have_the_same_seed_unless_they_are_told_to(folder):
    def seed(ask: Ask) -> int:
        steps = draw(ask, read_graphs(str(folder)))
        next(steps)
        found = json_of(steps.send(ok({"name": "a.png"})).message)["prompt"]["3"]["inputs"]["seed"]
        assert isinstance(found, int)
        return found

    ask = Ask(VARY, "kontext", 1, (sent(),))
    assert seed(ask) != seed(ask)
    assert seed(Ask(VARY, "kontext", 1, (sent(),), seed=7)) == 7


def test_a_graph_with_a_place_for_a_mask_needs_one(tmp_path):
    (tmp_path / "fill.json").write_text(json.dumps({"1": ["$image", "$mask", "$seed"]}))
    with pytest.raises(InvalidRequest) as refused:
        next(draw(Ask(EDIT, "fill", 1, (sent(),)), read_graphs(str(tmp_path))))
    assert refused.value.param == "mask"
    steps = draw(Ask(EDIT, "fill", 1, (sent(),), mask=sent()), read_graphs(str(tmp_path)))
    next(steps)
    steps.send(ok({"name": "a.png"}))
    queued = steps.send(ok({"name": "m.png"}))
    assert json_of(queued.message)["prompt"]["1"][:2] == ["a.png", "m.png"]


@pytest.mark.asyncio(loop_scope="session")
async def test_a_folder_without_graphs_stops_the_gateway_at_its_start(lent, tmp_path):
    with pytest.raises(ValueError, match="there are no graphs"):
        DECLARATIONS[0].build(
            Account(type="comfyui", base_url="http://comfy.test", options={"graphs": str(tmp_path)}), None, lent
        )
