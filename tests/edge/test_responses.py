import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.edge.gate import ISSUER, KEY, Gate, serving
from tests.families.language.responses.asking import events_of, occasion, request
from torana.auth.mint import mint
from torana.config.model import Settings
from torana.core.exchange import Reply, Target
from torana.edge.responses import ENDPOINTS, KeptResponses
from torana.families.language.asked import Spoken
from torana.families.language.responses.telling import tell
from torana.families.language.saying import Said, Utterance
from torana.families.language.words import Text
from torana.pipeline.remembering import Memory

DATA = tell(Utterance((Said((Text("Hello"),)),)), occasion())
ID = json.loads(DATA)["id"]
ITEMS = [{"role": "user", "content": str(number)} for number in range(5)]


class Shelf:
    def __init__(self):
        self.kept = {}

    async def put(self, name, data):
        self.kept[name] = data

    async def get(self, name):
        return self.kept.get(name)

    async def remove(self, name):
        del self.kept[name]


@pytest_asyncio.fixture
async def door(tmp_path) -> AsyncIterator[Gate]:
    opened = Gate(tmp_path, Settings())
    memory = Memory(Shelf())
    opened.more = KeptResponses(opened.lend, memory).routes()
    await memory.keeping(request(input=ITEMS), "us user:ada", Target("a", "m")).kept(Reply(Spoken(DATA)))
    async with serving(opened.app) as port:
        opened.port = port
        yield opened


async def asked(door, path="", method="GET", authorization=None):
    answer = await door.get(f"/v1/responses/{ID}{path}", method, authorization=authorization or door.token())
    return answer.status, json.loads(answer.body) if answer.body else None


async def test_a_response_is_read_by_who_asked_for_it(door):
    assert await asked(door) == (200, json.loads(DATA))
    assert (await door.get(f"/responses/{ID}", authorization=door.token())).status == 200
    assert (await asked(door, method="HEAD"))[0] == 200
    assert door.lent == 0


async def test_nobody_else_finds_it(door):
    eve = "Bearer " + mint(ISSUER, KEY, subject="eve", ttl=10**6, claims={"models": ["*"]}, now=door.clock.now())
    for path, method in (("", "GET"), ("", "DELETE"), ("/input_items", "GET"), ("/cancel", "POST")):
        status, told = await asked(door, path, method, eve)
        assert (status, told["error"]["code"]) == (404, "not_found")
    assert (await asked(door, authorization="Bearer x"))[0] == 401


async def test_it_is_told_as_events_where_they_are_asked_for(door):
    answer = await door.get(f"/responses/{ID}?stream=true", authorization=door.token())
    assert ("content-type", "text/event-stream") in answer.headers
    assert events_of([answer.body])[-1]["response"] == json.loads(DATA)
    later = await door.get(f"/responses/{ID}?stream=true&starting_after=2", authorization=door.token())
    assert answer.body.endswith(later.body)
    assert len(later.body) < len(answer.body)


async def test_what_is_forgotten_is_gone(door):
    assert await asked(door, method="DELETE") == (200, {"id": ID, "object": "response", "deleted": True})
    assert (await asked(door))[0] == 404


@pytest.mark.parametrize(
    ("query", "told", "more"),
    [
        ("", "43210", False),
        ("?order=asc", "01234", False),
        ("?limit=2", "43", True),
        ("?order=asc&limit=5", "01234", False),
        ("?order=asc&limit=2&after={1}", "23", True),
        ("?after={1}", "0", False),
        ("?after={0}", "", False),
    ],
)
async def test_items_come_in_pages(door, query, told, more):
    name = ID.removeprefix("resp_")
    query = query.format(f"msg_{name}_i0", f"msg_{name}_i1")
    status, page = await asked(door, f"/input_items{query}")
    assert (status, page["object"], page["has_more"]) == (200, "list", more)
    assert "".join(item["content"][0]["text"] for item in page["data"]) == told
    ends = (page["data"][0]["id"], page["data"][-1]["id"]) if told else (None, None)
    assert (page["first_id"], page["last_id"]) == ends


@pytest.mark.parametrize(
    ("query", "param"),
    [("limit=0", "limit"), ("limit=101", "limit"), ("limit=x", "limit"), ("order=up", "order"), ("after=x", "after")],
)
async def test_pages_that_there_are_none_of_are_refused(door, query, param):
    status, told = await asked(door, f"/input_items?{query}")
    assert (status, told["error"]["param"]) == (400, param)


async def test_nothing_can_be_cancelled(door):
    status, told = await asked(door, "/cancel", "POST")
    assert (status, told["error"]["param"]) == (400, "response_id")


@pytest.mark.parametrize(
    ("path", "method", "status", "allow"),
    [
        ("", "POST", 405, "DELETE, GET"),
        ("/cancel", "GET", 405, "POST"),
        ("/input_items", "DELETE", 405, "GET"),
        ("/more", "GET", 404, None),
        ("", "PUT", 405, None),
    ],
)
async def test_no_other_question_is_answered(door, path, method, status, allow):
    answer = await door.get(f"/responses/{ID}{path}", method, authorization=door.token())
    assert answer.status == status
    if allow:
        assert ("allow", allow) in answer.headers


def test_each_question_is_described():
    assert len({(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}) == 4
