import pytest

from torana.config.secrets import Secret
from torana.config.upstreams import Account
from torana.core.exchange import Message
from torana.providers.base import declarations
from torana.providers.vertex import door

pytestmark = pytest.mark.asyncio(loop_scope="session")


def account(**options: str) -> Account:
    return Account(type="vertex", api_key=Secret(env="GOOGLE"), options={"project": "acme-1", **options})


async def test_a_location_has_an_address_of_its_own(lent):
    for served in (account(), account(location="global")):
        door(served, "ya29.token", lent)
    with pytest.raises(ValueError, match="https://LOCATION-aiplatform"):
        door(account(location="europe-west4"), "ya29.token", lent)


async def test_a_service_accounts_file_must_be_one(lent):
    with pytest.raises(ValueError, match="service account"):
        door(account(), '{"type": "service_account"}', lent)


async def test_a_key_that_is_missing_does_not_stop_the_gateway(lent):
    declarations()["vertex"].build(account(), None, lent)
    assert await door(account(), None, lent).headers(Message("GET", "/", ()), "https://x.example/") == ()
