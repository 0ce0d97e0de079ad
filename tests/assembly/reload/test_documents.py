import asyncio
import json

import pytest

from torana.assembly.reload import documents
from torana.assembly.reload.documents import Documents
from torana.auth.keys.jwk import KeyRefused
from torana.core.errors import UpstreamError

URL = "https://idp.example/keys"
FIRST, SECOND = (json.dumps({"keys": [number]}).encode() for number in (1, 2))


class Server:
    """Gives documents in turn; an error is raised, and for None nothing ever comes."""

    def __init__(self, *replies: bytes | Exception | None) -> None:
        self.replies = list(replies)

    async def __call__(self, url: str) -> bytes:
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        if reply is None:
            await asyncio.Event().wait()
            raise AssertionError
        return reply


async def remembering(document: bytes = FIRST) -> Documents:
    made = Documents()
    assert await made.fetch_by(Server(document))(URL) == document
    return made


@pytest.mark.parametrize("trouble", [UpstreamError("Down."), b"<html>", b'{"error": "busy"}', None])
async def test_what_was_fetched_before_stands_in_once(monkeypatch, trouble):
    monkeypatch.setattr(documents, "_TRIAL_SECONDS", 0.01)
    remembered = await remembering()
    fetch = remembered.fetch_by(Server(trouble, UpstreamError("Still down."), SECOND))
    assert await fetch(URL) == FIRST
    with pytest.raises(UpstreamError, match="Still down"):
        await fetch(URL)
    assert await fetch(URL) == SECOND


async def test_what_can_be_fetched_is():
    remembered = await remembering()
    assert await remembered.fetch_by(Server(SECOND))(URL) == SECOND
    assert await remembered.fetch_by(Server(UpstreamError("Down.")))(URL) == SECOND


@pytest.mark.parametrize(("trouble", "error"), [(UpstreamError("Down."), UpstreamError), (b"[]", KeyRefused)])
async def test_what_was_never_there_is_missed(trouble, error):
    with pytest.raises(error):
        await Documents().fetch_by(Server(trouble))(URL)
    remembered = await remembering()
    with pytest.raises(error):
        await remembered.fetch_by(Server(trouble))("https://idp.example/others")


async def test_where_keys_are_is_remembered_too():
    found = b'{"issuer": "idp", "jwks_uri": "https://idp.example/keys"}'
    remembered = await remembering(found)
    assert await remembered.fetch_by(Server(UpstreamError("Down.")))(URL) == found
