import json
from typing import Any

import pytest
from msgspec import structs

from tests.families.language.responses.asking import occasion, request
from torana.core.errors import InvalidRequest, NotFound, WorkFailed
from torana.core.exchange import Opening, Reply, Target
from torana.families.language.asked import Spoken
from torana.families.language.responses.continued import Continued
from torana.families.language.responses.telling import tell
from torana.families.language.saying import Said, Utterance
from torana.families.language.words import Text
from torana.pipeline import remembering as module
from torana.pipeline.remembering import FORGETFUL, Memory

OURS = tell(Utterance((Said((Text("Hello"),)),)), occasion())
OURS_ID = json.loads(OURS)["id"]
THEIRS = OURS.replace(OURS_ID.encode(), b"resp_68")
TARGET, ELSEWHERE = Target("a", "m"), Target("b", "m")


class Shelf:
    def __init__(self):
        self.kept = {}

    async def put(self, name, data):
        self.kept[name] = data

    async def get(self, name):
        return self.kept.get(name)

    async def remove(self, name):
        del self.kept[name]


@pytest.fixture
def memory():
    return Memory(Shelf())


async def keep(memory, asked, response=OURS, owner="ada"):
    reply = Reply(Spoken(response))
    assert await memory.keeping(asked, owner, TARGET).kept(reply) is reply


async def test_an_answer_is_found_by_who_asked_for_it_and_by_nobody_else(memory):
    await keep(memory, request())
    kept = await memory.get(OURS_ID, "ada")
    assert bytes(kept.response) == OURS
    assert kept.account == ""
    for step in (memory.get(OURS_ID, "eve"), memory.remove(OURS_ID, "eve"), memory.get("resp_none", "ada")):
        with pytest.raises(NotFound):
            await step
    with pytest.raises(InvalidRequest) as caught:
        await memory.recalled(request(previous_response_id=OURS_ID), "eve")
    assert (caught.value.code, caught.value.param) == ("previous_response_not_found", "previous_response_id")


async def test_what_is_removed_is_gone(memory):
    await keep(memory, request())
    await memory.remove(OURS_ID, "ada")
    with pytest.raises(NotFound):
        await memory.get(OURS_ID, "ada")


async def test_a_conversation_goes_on_and_grows(memory):
    await keep(memory, request())
    second = await memory.recalled(request(previous_response_id=OURS_ID, input="And?"), "ada")
    await keep(memory, second, OURS.replace(OURS_ID.encode(), b"resp_t2"))
    third = await memory.recalled(request(previous_response_id="resp_t2", input="So?"), "ada")
    told = [
        item["content"] if isinstance(item["content"], str) else item["content"][0]["text"]
        for item in third.body["input"]
    ]
    assert told == ["Hi", "Hello", "And?", "Hello", "So?"]


async def test_an_upstream_that_has_the_answer_is_told_so(memory):
    await keep(memory, request(), THEIRS)
    going_on = await memory.recalled(request(previous_response_id="resp_68"), "ada")
    assert memory.keeping(going_on, "ada", TARGET).request.at_home
    assert not memory.keeping(going_on, "ada", ELSEWHERE).request.at_home
    await keep(memory, request())
    ours = await memory.recalled(request(previous_response_id=OURS_ID), "ada")
    assert isinstance(ours, Continued)
    assert not memory.keeping(ours, "ada", TARGET).request.at_home


async def test_what_is_told_as_it_comes_is_kept_before_its_last_word(memory):
    told = []

    def opened(_opening):
        async def show(piece):
            told.append((piece, len(memory.shelf.kept)))

        return show

    show = memory.keeping(request(stream=True), "ada", TARGET).opening(opened)(Opening())
    await show(b"event: response.created\ndata: {}\n\n")
    await show(b'event: response.completed\ndata: {"response":' + OURS + b"}\n\n")
    assert [count for _, count in told] == [0, 1]
    assert bytes((await memory.get(OURS_ID, "ada")).response) == OURS


@pytest.mark.parametrize("asked", [request(store=False), object()])
async def test_what_is_not_to_be_kept_is_not(memory, asked):
    keeping = memory.keeping(asked, "ada", TARGET)
    await keep(memory, asked)
    assert keeping.opening(len) is len
    assert keeping.request is asked
    assert memory.shelf.kept == {}


async def test_without_a_shelf_nothing_is_kept_nor_found():
    await keep(FORGETFUL, request())
    asked = request(previous_response_id=OURS_ID)
    assert await FORGETFUL.recalled(asked, "ada") is asked
    with pytest.raises(NotFound):
        await FORGETFUL.get(OURS_ID, "ada")


def test_only_what_one_goes_on_from_is_remembered(memory):
    asked = request()
    assert memory.of(asked) is memory
    assert memory.of(structs.replace(asked, operation="chat.completions")) is FORGETFUL
    assert FORGETFUL.of(asked) is FORGETFUL


@pytest.mark.parametrize("response", [b"", b"{", b"{}", b'{"id":3}'])
async def test_what_makes_no_sense_is_not_kept(memory, response):
    await keep(memory, request(), response)
    assert memory.shelf.kept == {}


async def test_a_shelf_that_fails_costs_nobody_his_answer():
    class Broken(Shelf):
        async def put(self, name, data):
            raise WorkFailed("No.")

    lost: list[Any] = []
    await keep(Memory(Broken(), lost.append), request())
    assert [error.message for error in lost] == ["No."]


async def test_a_conversation_that_is_too_long_can_be_read_but_not_gone_on_from(memory, monkeypatch):
    monkeypatch.setattr(module, "_MOST", 10)
    await keep(memory, request())
    assert (await memory.get(OURS_ID, "ada")).items is None
    with pytest.raises(InvalidRequest, match="longer"):
        await memory.recalled(request(previous_response_id=OURS_ID), "ada")


async def test_items_are_found_by_their_ids_alone(memory):
    await keep(memory, request())
    reference = {"type": "item_reference", "id": f"msg_{OURS_ID.removeprefix('resp_')}_0"}
    found = await memory.recalled(request(input=[reference, {"role": "user", "content": "And?"}]), "ada")
    assert found.body["input"][0]["content"][0]["text"] == "Hello"
    asked = request(input=[reference])
    assert await memory.recalled(asked, "eve") is asked
