import dataclasses
import json
from typing import Any

import pytest
from msgspec import structs
from PIL import ImageChops

from tests.media.samples import picture as drawn
from tests.providers.kit import CONTEXT, opened, photo
from torana.config.upstreams import Account
from torana.core.content import Size
from torana.core.errors import InvalidRequest
from torana.core.exchange import Opening, Show, Target
from torana.families.base import Family
from torana.families.images import VARIATIONS, ImageRequest
from torana.families.language.chat import CHAT
from torana.families.language.completions import COMPLETIONS
from torana.families.language.messages import MESSAGES
from torana.families.language.responses import RESPONSES
from torana.providers.echo import DECLARATIONS

pytestmark = pytest.mark.asyncio(loop_scope="session")
HISTORY = [
    {"role": "user", "content": "Hello."},
    {"role": "assistant", "content": "Hello."},
    {"role": "user", "content": "Say it  again,\nplease."},
]
ASKED = ImageRequest(model="echo", images=(photo(), photo(64, 64)), size=Size(37, 23))


async def vary(lent, request: ImageRequest):
    (declared,) = DECLARATIONS
    provider = declared.build(Account(type="echo"), None, lent)
    assert set(provider.operations) == declared.operations(declared.models[0])
    return await provider.operations[VARIATIONS.operation](request, "echo", CONTEXT)


async def test_the_first_source_comes_back_n_times(lent):
    reply = await vary(lent, structs.replace(ASKED, n=3))
    assert reply.body.created == 1_800_000_000
    assert len(reply.body.pictures) == 3
    assert reply.usage.images == 3
    assert reply.emulated == ("variation",)
    assert (reply.ignored, reply.shortfall) == ((), 0)
    shown = opened(reply.body.pictures[0]).convert("RGB")
    assert ImageChops.difference(shown, drawn()).getbbox() is None


@pytest.mark.parametrize(("asked", "made"), [(Size(64, 48), Size(64, 48)), (None, Size(37, 23))])
async def test_at_the_size_asked_for_or_its_own(lent, asked, made):
    reply = await vary(lent, structs.replace(ASKED, size=asked))
    opened(reply.body.pictures[0])
    assert reply.body.pictures[0].info.size == made


@pytest.mark.parametrize("output_format", ["png", "webp", "jpeg"])
async def test_in_the_format_asked_for(lent, output_format):
    reply = await vary(
        lent, structs.replace(ASKED, output_format=output_format, extensions=frozenset({"output_format"}))
    )
    opened(reply.body.pictures[0])
    assert reply.body.pictures[0].info.format == output_format
    assert reply.ignored == ()


async def test_it_knows_nothing_of_seed_and_strength(lent):
    reply = await vary(lent, structs.replace(ASKED, extensions=frozenset({"strength", "seed", "output_format"})))
    assert reply.ignored == ("seed", "strength")


async def test_a_size_that_cannot_be_made_is_the_callers_mistake(lent):
    with pytest.raises(InvalidRequest):
        await vary(lent, structs.replace(ASKED, size=Size(5000, 5000)))


SPOKEN: dict[str, tuple[Family[Any, Any], dict[str, object]]] = {
    "chat.completions": (CHAT, {"messages": [{"role": "system", "content": "Be kind."}, *HISTORY]}),
    "completions": (COMPLETIONS, {"prompt": "Say it  again,\nplease."}),
    "messages": (MESSAGES, {"max_tokens": 100, "messages": HISTORY}),
    "responses": (RESPONSES, {"input": HISTORY}),
}


def written(operation: str, **members: object) -> bytes:
    return json.dumps({"model": "echo", **SPOKEN[operation][1], **members}).encode()


@dataclasses.dataclass
class Listener:
    openings: list[Opening] = dataclasses.field(default_factory=list)
    pieces: list[bytes] = dataclasses.field(default_factory=list)

    def open(self, opening: Opening) -> Show:
        self.openings.append(opening)

        async def show(piece: bytes) -> None:
            self.pieces.append(piece)

        return show


async def say(lent, operation: str, listener: Listener, **members: object):
    (declared,) = DECLARATIONS
    provider = declared.build(Account(type="echo"), None, lent)
    family = SPOKEN[operation][0]
    assert family.operation == operation
    assert family.parse is not None
    request = family.parse(written(operation, **members))
    assert provider.worst(request, Target("echo", "echo")) == 0
    return await provider.operations[operation](request, "echo", structs.replace(CONTEXT, open=listener.open))


@pytest.mark.parametrize("operation", SPOKEN)
async def test_the_last_words_come_back(lent, operation):
    listener = Listener()
    reply = await say(lent, operation, listener)
    assert "Say it  again,\\nplease." in reply.body.data.decode()
    assert (listener.openings, reply.body.told) == ([], False)
    assert reply.usage.tokens["text_out"] == 4
    assert reply.usage.tokens["text_in"] >= 4
    assert (reply.usage.cost, reply.usage.images) == (0, None)


@pytest.mark.parametrize("operation", SPOKEN)
async def test_they_come_one_by_one_where_that_is_asked_for(lent, operation):
    listener = Listener()
    reply = await say(lent, operation, listener, stream=True)
    assert [opening.media_type for opening in listener.openings] == ["text/event-stream"]
    assert reply.body.told
    told = [piece for piece in listener.pieces if b"again," in piece]
    assert b"  again," in told[0]
    assert b"please" not in told[0]
    whole = await say(lent, operation, Listener())
    assert reply.usage == whole.usage


async def test_no_more_comes_than_is_asked_for(lent):
    reply = await say(lent, "messages", Listener(), max_tokens=2)
    told = json.loads(reply.body.data)
    assert (told["content"][0]["text"], told["stop_reason"]) == ("Say it", "max_tokens")
    assert told["usage"]["output_tokens"] == 2


async def test_as_many_answers_come_as_are_asked_for(lent):
    reply = await say(lent, "chat.completions", Listener(), n=3, max_completion_tokens=4)
    choices = json.loads(reply.body.data)["choices"]
    assert [choice["message"]["content"] for choice in choices] == ["Say it  again,\nplease."] * 3
    assert {choice["finish_reason"] for choice in choices} == {"stop"}
    assert reply.usage.tokens["text_out"] == 12


async def test_who_says_nothing_hears_nothing(lent):
    reply = await say(lent, "chat.completions", Listener(), messages=[{"role": "system", "content": "Be kind."}])
    assert json.loads(reply.body.data)["choices"][0]["message"]["content"] == ""
