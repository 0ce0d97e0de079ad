import pytest

from torana.config.upstreams import Account
from torana.core.errors import InvalidImage, UpstreamAuth, UpstreamError
from torana.dialects.steps import Received, get
from torana.providers.automatic1111 import door, fault

ACCOUNT = Account(type="automatic1111", base_url="http://a1111.test")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, '{"error":"HTTPException","detail":"Invalid encoded image","errors":""}', InvalidImage),
        (500, '{"error":"HTTPException","detail":"","errors":"Invalid encoded image"}', InvalidImage),
        (500, '{"error":"OutOfMemoryError","detail":[{"a": 1}]}', UpstreamError),
        (500, "Internal Server Error", UpstreamError),
        (401, '{"detail":"Incorrect username or password"}', UpstreamAuth),
    ],
)
def test_a_500_may_be_about_the_callers_picture(status, body, kind):
    assert type(fault(Received(status, {}, body.encode()))) is kind


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(
    ("key", "headers"), [("me:secret", (("authorization", "Basic bWU6c2VjcmV0"),)), (None, ())], ids=["key", "none"]
)
async def test_its_door_has_a_user_and_a_password_or_stands_open(lent, key, headers):
    assert await door(ACCOUNT, key, lent).headers(get("/"), "http://a1111.test/") == headers


@pytest.mark.asyncio(loop_scope="session")
async def test_a_key_that_is_no_user_and_password_is_refused_at_the_start(lent):
    with pytest.raises(ValueError, match="USER:PASSWORD"):
        door(ACCOUNT, "secret", lent)
