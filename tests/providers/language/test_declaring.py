import dataclasses

import pytest

from tests.providers.kit import photo
from tests.providers.lab import ASKED as PICTURE
from tests.providers.lab import encoded, http
from tests.providers.language.wayside import ASKED, LANGUAGE, Client
from tests.upstream.wire import Wire, upstream
from torana.config.upstreams import Account
from torana.core.exchange import Target
from torana.families.images import VARY
from torana.providers.base import Lent
from torana.providers.compatible import DECLARATIONS
from torana.providers.language import Facts, Language, language_only, speaking

pytestmark = pytest.mark.asyncio(loop_scope="session")
PICTURES = next(each for each in DECLARATIONS if each.type == "openai-compatible")
BOTH = speaking(PICTURES, dataclasses.replace(LANGUAGE, models={"wordy": Facts(), "*": Facts()}))


async def test_one_account_does_both(lent: Lent) -> None:
    async def script(wire: Wire) -> None:
        while True:
            request = await wire.request()
            is_words = " /say " in request.line
            await wire.say(http('{"said": "x"}') if is_words else encoded(photo(64, 48).data))

    async with upstream(script) as up:
        account = Account(type="openai-compatible", base_url=f"http://{up.host}")
        provider = BOTH.build(account, "key", lent)
        said = await provider.operations["chat.completions"](ASKED, "wordy", Client().context)
        made = await provider.operations[VARY](PICTURE, "redux", Client().context)
    assert said.body.data == b'{"said":"x"}'
    assert len(made.body.pictures) == 1
    target = Target("x", "wordy")
    assert provider.worst(ASKED, target) is None
    assert provider.worst(PICTURE, target) is None


async def test_what_its_models_can_do() -> None:
    assert VARY in BOTH.operations("any")
    assert "chat.completions" in BOTH.operations("any")
    assert BOTH.operations("wordy") == LANGUAGE.known
    assert BOTH.models == ("wordy",)
    assert not BOTH.closed


async def test_a_vendor_without_pictures() -> None:
    declared = language_only(type="wordy", summary="Words.", language=LANGUAGE, note="Ends.")
    assert (declared.base_url, declared.note) == ("http://vendor.example", "Ends.")
    assert declared.needs == {"api_key"}
    assert declared.operations("any") == LANGUAGE.known
    assert not declared.closed


async def test_a_server_of_the_operators_own() -> None:
    declared = language_only(type="own", summary="Own.", language=Language(ways=LANGUAGE.ways), keyed=False)
    assert declared.needs == {"base_url"}
