"""What botocore signs, this signs, to the byte; and what arrives is what was signed."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as TheirCredentials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.upstream.wire import OK, Wire, upstream
from torana.core.clock import FakeClock
from torana.core.content import PictureInfo, Size
from torana.core.exchange import Message
from torana.upstream.client import Origin, Timeouts
from torana.upstream.http1.client import HttpClient
from torana.upstream.signing.signer import Fixed
from torana.upstream.signing.sigv4 import Credentials, SigV4, aws_signer

KEY_ID, SECRET, TOKEN = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY=", "IQoJb3JpZ2luX2VjEA//token+/=="
NOW = 1_800_000_000.0
HOST = "https://bedrock-runtime.us-east-1.amazonaws.com"
JSON = (("content-type", "application/json"), ("accept", "application/json"))


@dataclass(frozen=True)
class Stored:
    """An upload in pieces."""

    pieces: tuple[bytes, ...]
    filename = "cat.png"
    info = PictureInfo("png", Size(1, 1))

    @property
    def size(self) -> int:
        return sum(map(len, self.pieces))

    def at_hand(self) -> None:
        """Never in memory."""

    async def chunks(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece


@pytest.fixture(autouse=True)
def _same_time(monkeypatch):
    monkeypatch.setattr(auth, "get_current_datetime", lambda: dt.datetime.fromtimestamp(NOW, dt.UTC))


def theirs(method: str, url: str, headers: list[tuple[str, str]], body: bytes, token: str | None = None):
    """The headers that botocore adds."""
    request = AWSRequest(method=method, url=url, data=body)
    for name, value in headers:
        request.headers.add_header(name, value)
    auth.SigV4Auth(TheirCredentials(KEY_ID, SECRET, token), "bedrock", "us-east-1").add_auth(request)
    names = ("x-amz-date", "x-amz-security-token", "authorization")
    return tuple((name, request.headers[name]) for name in names if name in request.headers)


async def ours(message: Message, url: str, token: str | None = None) -> tuple[tuple[str, str], ...]:
    signer = SigV4(Credentials(KEY_ID, SECRET, token), region="us-east-1", service="bedrock", clock=FakeClock(NOW))
    return await signer.headers(message, url)


@pytest.mark.parametrize(
    "target",
    [
        "",
        "/",
        "/model/amazon.titan-image-generator-v2%3A0/invoke",
        "/model/amazon.titan:0/invoke",
        "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aprofile%2Fus.stability/invoke",
        "/a//b/./c/../d/",
        "/../..",
        "/%20+~*'()!$&@=,;-_.",
        "/models?b=2&a=1&a=0&c&d=%2F%20",
        "/models?",
        "/models?a=b=c",
    ],
)
@pytest.mark.parametrize("token", [None, TOKEN], ids=["lasting", "temporary"])
async def test_addresses(target, token):
    message = Message("POST", target, JSON, (b'{"taskType":', b'"IMAGE_VARIATION"}'))
    expected = theirs("POST", HOST + target, list(JSON), b'{"taskType":"IMAGE_VARIATION"}', token)
    assert await ours(message, HOST + target, token) == expected


@pytest.mark.parametrize(
    "host",
    [
        "https://A.Example",
        "https://a.example:443",
        "http://a.example:443",
        "http://127.0.0.1:8000",
        "https://[::1]:8443",
    ],
)
async def test_hosts(host):
    assert await ours(Message("GET", "/x", ()), f"{host}/x") == theirs("GET", f"{host}/x", [], b"")


async def test_headers():
    headers = (
        ("X-Amzn-Bedrock-Trace", "  two   words\t here "),
        ("accept", "b"),
        ("Accept", "a"),
        ("traceparent", "00-1"),
        ("User-Agent", "torana"),
    )
    assert await ours(Message("GET", "/", headers), HOST) == theirs("GET", HOST, list(headers), b"")


async def test_a_body_of_uploads():
    large = bytes(range(256)) * 4000
    message = Message("POST", "/", (), (b"head", Stored((large, b"", b"end")), large))
    assert await ours(message, HOST) == theirs("POST", HOST, [], b"head" + large + b"end" + large)


PATHS = st.text("ab%.~:+ /*'", max_size=20).map(lambda path: f"/{path}")
QUERIES = st.text("ab&=%+.~", max_size=12)


# The fixture sets one time for all examples.
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PATHS, QUERIES, st.binary(max_size=20))
def test_any_address_and_body(path, query, body):
    url = f"{HOST}{path}?{query}"
    signed = asyncio.run(ours(Message("POST", path, (), (body,) if body else ()), url))
    assert signed == theirs("POST", url, [], body)


async def test_what_arrives_is_what_was_signed():
    seen = []

    async def script(wire: Wire) -> None:
        seen.append(await wire.request())
        await wire.say(OK)

    async with upstream(script) as up:
        client = HttpClient(per_host=1)
        message = Message("POST", "/model/amazon.titan%3A0/invoke?b=1&a=%20", JSON, (b"some ", b"body"))
        origin = Origin(up.origin.base_url)
        headers = await ours(message, origin.url(message.path), TOKEN)
        timeouts = Timeouts(connect=5, first_byte=5, total=5)
        async with client.send(message, origin, timeouts=timeouts, max_reply=9, headers=headers) as reply:
            await reply.read()
        await client.close()

    arrived = dict(seen[0].headers)
    signed = arrived["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    assert signed == ["accept", "content-type", "host", "x-amz-date", "x-amz-security-token"]
    kept = [(name, arrived[name]) for name in signed if name != "x-amz-date"]
    url = f"http://{arrived['host']}{seen[0].line.split()[1]}"
    expected = dict(theirs("POST", url, kept, seen[0].body, TOKEN))
    assert expected.items() <= arrived.items()


# The secret


async def test_signatures_change_with_the_time():
    clock = FakeClock(NOW)
    signer = aws_signer(f"{KEY_ID}:{SECRET}", region="us-east-1", service="bedrock", clock=clock)
    message = Message("GET", "/", ())
    first = await signer.headers(message, HOST)
    assert first == theirs("GET", HOST, [], b"")
    assert await signer.headers(message, HOST) == first
    clock.advance(1)
    assert await signer.headers(message, HOST) != first


async def test_a_secret_of_three_parts_is_temporary():
    signer = aws_signer(f"{KEY_ID}:{SECRET}:{TOKEN}", region="us-east-1", service="bedrock", clock=FakeClock(NOW))
    assert await signer.headers(Message("GET", "/", ()), HOST) == theirs("GET", HOST, [], b"", TOKEN)


def test_a_secret_without_a_colon_is_a_key():
    signer = aws_signer("ABSKQmVkcm9jaw==", region="us-east-1", service="bedrock", clock=FakeClock())
    assert signer == Fixed("authorization", "Bearer ABSKQmVkcm9jaw==")


@pytest.mark.parametrize(
    "secret",
    [
        f":{SECRET}",
        f"{KEY_ID}:",
        f"{KEY_ID}:{SECRET}:",
        f"{KEY_ID}:{SECRET}:t:u",
        f"{KEY_ID}: {SECRET}",
        f"{KEY_ID}:{SECRET}\n",
    ],
)
def test_a_secret_of_another_form_is_refused(secret):
    with pytest.raises(ValueError, match="api_key must be ACCESS_KEY_ID:SECRET_ACCESS_KEY") as caught:
        aws_signer(secret, region="us-east-1", service="bedrock", clock=FakeClock())
    assert SECRET not in str(caught.value)


def test_nothing_secret_is_shown():
    assert repr(Credentials(KEY_ID, SECRET, TOKEN)) == f"Credentials(key_id='{KEY_ID}')"
    signer = aws_signer(f"{KEY_ID}:{SECRET}:{TOKEN}", region="us-east-1", service="bedrock", clock=FakeClock())
    assert SECRET not in repr(signer)
