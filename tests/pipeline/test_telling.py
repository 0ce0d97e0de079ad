import pytest

from torana.core.errors import GuardrailFailed, UpstreamError
from torana.core.exchange import Call, Credentials, Opening, Reply, Target
from torana.families.language.asked import Spoken
from torana.pipeline import telling as module
from torana.pipeline.telling import Telling

TARGET = Target("a", "m")
TOLD = Reply(Spoken(b"", told=True))


class Client:
    def __init__(self):
        self.got = []

    def open(self, request, target, opening):
        async def show(piece):
            self.got.append(piece)

        return show


@pytest.fixture
def client():
    return Client()


def telling(client, fold=lambda _request, pieces: Spoken(b"".join(pieces)), **more):
    async def read():
        raise NotImplementedError

    return Telling(Call("r", "chat", Credentials(None), read, open=client.open, fold=fold), **more)


async def tell(way, *pieces):
    claims = []
    show = way.opening("asked", TARGET, lambda: claims.append(1))(Opening())
    assert claims == [1]
    for piece in pieces:
        await show(piece)


async def test_what_is_told_is_kept_whole_and_not_told_twice(client):
    way = telling(client, most=10)
    await tell(way, b"ab", b"cd")
    assert client.got == [b"ab", b"cd"]
    assert way.released("asked", TOLD) is TOLD
    whole = way.whole("asked", TOLD)
    assert whole.body == Spoken(b"abcd")
    assert way.rest(whole) is TOLD


async def test_more_than_is_kept_is_told_all_the_same(client):
    way = telling(client, most=3)
    await tell(way, b"ab", b"cd", b"e")
    assert client.got == [b"ab", b"cd", b"e"]
    assert way.whole("asked", TOLD) is TOLD


async def test_nothing_is_kept_that_nobody_wants(client):
    way = telling(client)
    await tell(way, b"ab")
    assert way.whole("asked", TOLD) is TOLD


async def test_an_answer_that_came_whole_is_left_as_it_is(client):
    reply = Reply(Spoken(b"x"))
    way = telling(client, most=10, held=True)
    assert way.rest(way.whole("asked", way.released("asked", reply))) is reply


async def test_what_is_held_back_is_there_when_it_is_whole(client):
    way = telling(client, held=True)
    await tell(way, b"ab", b"cd")
    assert client.got == []
    released = way.released("asked", TOLD)
    assert (released.body, released.emulated) == (Spoken(b"abcd"), ("stream",))
    assert way.rest(way.whole("asked", released)) is released


async def test_what_has_no_words_cannot_be_held_back(client):
    way = telling(client, fold=None, held=True)
    await tell(way, b"ab")
    assert (client.got, way.holds) == ([b"ab"], False)


def broken(_request, _pieces):
    raise ValueError("no JSON")


async def test_events_that_make_no_answer_are_not_kept_and_let_nothing_go(client):
    way = telling(client, broken, most=10)
    await tell(way, b"ab")
    assert way.whole("asked", TOLD) is TOLD
    held = telling(client, broken, held=True)
    await tell(held, b"ab")
    with pytest.raises(UpstreamError) as failed:
        held.released("asked", TOLD)
    assert failed.value.spent


async def test_what_is_held_back_has_a_bound(client, monkeypatch):
    monkeypatch.setattr(module, "MOST_HELD", 3)
    with pytest.raises(GuardrailFailed, match="too long"):
        await tell(telling(client, held=True), b"ab", b"cd")
