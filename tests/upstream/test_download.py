import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis.strategies import binary, text

from tests.upstream.wire import OK, Wire, answering, upstream
from torana.core.errors import UpstreamError
from torana.upstream import resolving
from torana.upstream.download import MAX_URL, Downloader, data_bytes, parse_link
from torana.upstream.resolving import Address

SIGNED = "signature-that-nobody-may-see"


class Names:
    """Answers with one address after the other, and then again the last; ``port`` stands for the one asked for."""

    def __init__(self, *answers: tuple[str, ...], port: int = 1) -> None:
        self.answers = list(answers)
        self.port = port
        self.asked: list[str] = []

    async def resolve(self, host, port):
        self.asked.append(host)
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [Address(address, self.port) for address in addresses]


@asynccontextmanager
async def downloader(**settings) -> AsyncIterator[Downloader]:
    made = Downloader(**settings)
    try:
        yield made
    finally:
        await made.close()


async def fetch(made: Downloader, url: str, *allowed: str, max_bytes: int = 100, within: float = 5) -> bytes:
    return await made.fetch(url, allowed_hosts=allowed, max_bytes=max_bytes, within=within)


async def refusal(made: Downloader, url: str, *allowed: str, **settings) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        await fetch(made, url, *allowed, **settings)
    assert caught.value.message.startswith("The upstream's picture link could not be fetched.")
    assert "127.0.0.1" not in caught.value.message
    chain: BaseException | None = caught.value
    while chain:
        assert SIGNED not in f"{chain!r} {chain}"
        chain = chain.__cause__
    return caught.value


# Links


@pytest.mark.parametrize(
    ("url", "base_url", "target"),
    [
        ("https://cdn.example/a.png?sig=%2F&x#frag", "https://cdn.example:443", "/a.png?sig=%2F&x"),
        ("HTTP://CDN.Example:8080", "http://cdn.example:8080", "/"),
        ("https://cdn.example//a/../b", "https://cdn.example:443", "//a/../b"),
        ("https://[2606:4700::1111]/a", "https://[2606:4700::1111]:443", "/a"),
        ("https://8.8.8.8:1/a", "https://8.8.8.8:1", "/a"),
        ("https://my_bucket.s3.example./a", None, None),
    ],
)
def test_link_is_taken_apart(url, base_url, target):
    if base_url is None:
        with pytest.raises(ValueError, match="proper host"):
            parse_link(url)
    else:
        link = parse_link(url)
        assert (link.origin.base_url, link.target) == (base_url, target)
        assert link.origin.headers == ()


@pytest.mark.parametrize(
    "url",
    [
        *("", "cdn.example/a.png", "//cdn.example/a", "ftp://cdn.example/a", "file:///etc/passwd", "gopher://a/b"),
        *("https://", "https:///a", "https://?a", "https:a", "http:/127.0.0.1/a", "javascript:alert(1)"),
        *("https://me@cdn.example/", "https://me:pw@cdn.example/", "https://cdn.example\\@127.0.0.1/", "https://@a/"),
        *("https://cdn.example:0x50/", "https://cdn.example:99999/", "https://cdn.example:-1/", "https://a:b:c/"),
        *(
            "https://cdn.example/a b",
            "https://cdn.example/\r\nx: y",
            "https://cdn.example/\x00",
            " https://cdn.example/",
        ),
        *(
            "https://cdn.ex\tample/",
            "https://\uff11\uff12\uff17.0.0.1/",
            "https://bücher.example/",
            "https://cdn.example/é",
        ),
        *("https://127%2e0.0.1/", "https://cdn..example/", "https://.example/", "https://-a.example/", "https://a+b/"),
        *(f"https://{'a' * 64}.example/", f"https://{'a.' * 130}example/", "https://cdn.example/" + "a" * MAX_URL),
        *("https://[::1/", "https://::1/", "https://[::1%25eth0]/", "https://[v1.a]/", "https://[1.1.1.1]/"),
        *("https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/", "https://127.1/", "https://127.0.0.1./"),
    ],
)
def test_improper_link_is_refused(url):
    with pytest.raises(ValueError, match=r"."):
        parse_link(url)


@given(text())
def test_link_never_shows_its_query(junk):
    try:
        parse_link(f"https://{junk}/?{SIGNED}")
    except ValueError as error:
        assert SIGNED not in str(error)  # noqa: PT017 most junk is refused, and some is not


# Pictures inside their links


@given(binary(max_size=100))
def test_data_uri(data):
    encoded = base64.b64encode(data).decode()
    assert data_bytes(f"data:image/png;base64,{encoded}", len(data)) == data
    assert data_bytes(f"DATA:;charset=x;Base64,{encoded}", 100) == data


@pytest.mark.parametrize("uri", ["data:", "data:,hi", "data:image/png,hi", "data:;base64,a", "data:;base64,_-==", "x"])
def test_improper_data_uri_is_refused(uri):
    with pytest.raises(ValueError, match=r"."):
        data_bytes(uri, 100)


def test_large_data_uri_is_refused():
    with pytest.raises(ValueError, match="more than 3 bytes"):
        data_bytes("data:;base64,AAAAAA==", 3)


async def test_data_uri_is_fetched():
    async with downloader() as made:
        assert await fetch(made, "data:image/png;base64,aGk=") == b"hi"
        await refusal(made, "data:image/png,hi")


# Where pictures may come from


async def test_request_carries_nothing_but_the_link():
    seen = []

    async def script(wire: Wire) -> None:
        for _ in range(2):
            seen.append(await wire.request())
            await wire.say(b"HTTP/1.1 200 OK\r\nset-cookie: a=b\r\ncontent-length: 2\r\n\r\nhi")

    async with upstream(script) as up, downloader() as made:
        for _ in range(2):
            assert await fetch(made, f"http://{up.host}/cat.png?{SIGNED}#x", "127.0.0.1") == b"hi"
    for request in seen:
        assert request.line == f"GET /cat.png?{SIGNED} HTTP/1.1"
        assert {name for name, _ in request.headers} == {"host", "accept", "accept-encoding", "user-agent"}


@pytest.mark.parametrize("allowed", ["127.0.0.1", "127.0.0.1:{port}"])
async def test_allowed_hosts(allowed):
    async with upstream(answering(OK)) as up, downloader() as made:
        assert await fetch(made, f"http://{up.host}/", "other", allowed.format(port=up.port)) == b"hi"


async def test_allowed_names_may_lead_anywhere_and_are_found_in_any_case():
    async with upstream(answering(OK)) as up, downloader(resolver=Names(("127.0.0.1",), port=up.port)) as made:
        assert await fetch(made, "http://FILES.internal/", "Files.Internal:80") == b"hi"


async def test_allowed_ipv6_is_found_with_brackets_and_without():
    link = parse_link("http://[::1]:8080/")
    assert all(link.is_listed({name}) for name in ("::1", "[::1]", "[::1]:8080"))
    assert not any(link.is_listed({name}) for name in ("::2", "[::1]:80", "1", ""))


@pytest.mark.parametrize(
    "url",
    [
        *("http://cdn.example/", "https://cdn.example:8443/", "https://cdn.example:80/", "http://cdn.example:443/"),
        *("https://127.0.0.1/", "https://10.0.0.1/", "https://169.254.169.254/", "https://[::1]/", "https://0.0.0.0/"),
        *(
            "https://[::ffff:127.0.0.1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[2002:7f00:1::]/",
            "https://[fe80::1]/",
        ),
        *("https://2130706433/", "https://0x7f.1/", "https://0177.0.0.1/", "https://127.1/", "ftp://cdn.example/"),
        *("http://allowed.example:81/", "http://sub.allowed.example/", "http://allowed.example./"),
    ],
)
async def test_other_places_are_not_asked(url):
    names = Names(("93.184.216.34",))
    async with downloader(resolver=names) as made:
        error = await refusal(made, f"{url}?{SIGNED}", "allowed.example:80", "127.0.0.1:8080")
    assert error.message.endswith("It is not a link that this gateway follows.")
    assert names.asked == []


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("10.0.0.1", "::1"), ("64:ff9b::7f00:1",), ("fe80::1%1",)])
async def test_name_of_closed_addresses_is_not_connected_to(addresses):
    async with upstream(answering(OK)) as up:
        async with downloader(resolver=Names(addresses, port=up.port)) as made:
            error = await refusal(made, f"https://cdn.example/?{SIGNED}")
        assert up.connections == 0
    assert error.message.endswith("The upstream could not be reached.")
    assert "cdn.example" in str(error.__cause__.__cause__)  # type: ignore[union-attr]


async def test_connection_goes_to_the_address_that_was_checked(monkeypatch, server_tls, client_tls):
    # The checked address has to be one that can listen here: 127.0.0.1 stands for a public one, 127.0.0.2 does not.
    monkeypatch.setattr(resolving, "is_public", lambda address: str(address) == "127.0.0.1")
    reply = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi"
    async with upstream(answering(reply), tls=server_tls) as up:
        names = Names(("127.0.0.1", "127.0.0.2"), ("127.0.0.2",), port=up.port)
        async with downloader(resolver=names, tls=client_tls) as made:
            assert await fetch(made, "https://pictures.example/cat.png") == b"hi"
            assert names.asked == ["pictures.example"]
            await refusal(made, "https://pictures.example/cat.png")
        assert up.connections == 1


async def test_certificate_must_be_for_the_name(monkeypatch, server_tls, client_tls):
    monkeypatch.setattr(resolving, "is_public", lambda address: True)
    async with (
        upstream(answering(OK), tls=server_tls) as up,
        downloader(resolver=Names(("127.0.0.1",), port=up.port), tls=client_tls) as made,
    ):
        error = await refusal(made, "https://other.example/cat.png")
    assert "No secure connection" in error.message


# What comes back


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 403, 404, 500])
async def test_other_statuses_are_refused_and_redirects_not_followed(status):
    async with upstream(answering()) as elsewhere:
        reply = f"HTTP/1.1 {status} X\r\nlocation: http://{elsewhere.host}/\r\ncontent-length: 0\r\n\r\n"
        async with upstream(answering(reply.encode())) as up, downloader() as made:
            error = await refusal(made, f"http://{up.host}/?{SIGNED}", "127.0.0.1")
        assert elsewhere.connections == 0
    assert error.message.endswith(f"The answer had status {status}.")


async def test_size_is_bounded():
    async with upstream(answering(OK, OK)) as up, downloader() as made:
        assert await fetch(made, f"http://{up.host}/", "127.0.0.1", max_bytes=2) == b"hi"
        error = await refusal(made, f"http://{up.host}/", "127.0.0.1", max_bytes=1)
    assert error.message.endswith("The upstream's reply is longer than 1 bytes.")


async def test_time_is_bounded():
    async with upstream(answering(b"HTTP/1.1 200 OK\r\n")) as up, downloader() as made:
        error = await refusal(made, f"http://{up.host}/", "127.0.0.1", within=0.1)
    assert "0.1 s" in error.message


# Documents


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
async def test_document_over_http_from_loopback(host):
    address = "::1" if host == "[::1]" else "127.0.0.1"
    async with upstream(answering(OK), address=address) as up, downloader() as made:
        assert await made.fetch_document(f"http://{host}:{up.port}/jwks.json") == b"hi"


async def test_document_over_https_from_anywhere(server_tls, client_tls):
    async with upstream(answering(OK), tls=server_tls) as up, downloader(tls=client_tls) as made:
        assert await made.fetch_document(f"https://127.0.0.1:{up.port}/.well-known/openid-configuration") == b"hi"


@pytest.mark.parametrize(
    "url", ["http://issuer.example/", "http://10.0.0.1/", "http://localhost.example/", "ftp://localhost/", "data:,hi"]
)
async def test_document_from_elsewhere_is_refused(url):
    names = Names(("127.0.0.1",))
    async with downloader(resolver=names) as made:
        with pytest.raises(UpstreamError, match=r"The document could not be fetched\. It is not a link"):
            await made.fetch_document(url)
    assert names.asked == []


async def test_document_is_bounded_and_redirects_are_refused():
    moved = b"HTTP/1.1 302 Found\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n"
    async with upstream(answering(OK, moved)) as up, downloader() as made:
        with pytest.raises(UpstreamError, match="longer than 1 bytes"):
            await made.fetch_document(f"http://{up.host}/a", max_bytes=1)
    async with upstream(answering(moved)) as up, downloader() as made:
        with pytest.raises(UpstreamError, match="status 302"):
            await made.fetch_document(f"http://{up.host}/a")
    async with upstream(answering(b"")) as up, downloader() as made:
        with pytest.raises(UpstreamError, match=r"0\.05 s"):
            await made.fetch_document(f"http://{up.host}/a", within=0.05)
