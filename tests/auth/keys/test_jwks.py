"""The keys of one issuer, near and far."""

import asyncio
import json
import logging

import pytest

from tests.auth.forge import EC, ED, ISSUER, OTHER_RSA, RSA, IdentityProvider, fetch, jwk, jwks
from torana.auth.keys import jwks as module
from torana.auth.keys.jwk import Key, jwk_key
from torana.auth.keys.jwks import RemoteKeys, StaticKeys, is_secure
from torana.config.model import Issuer
from torana.config.units import Seconds
from torana.core.clock import FakeClock

DISCOVERY = "/.well-known/openid-configuration"


def issuer(name: str = ISSUER, url: str | None = "https://idp.example/keys", floor: float = 10) -> Issuer:
    return Issuer(
        issuer=name,
        audience="torana",
        algorithms=("RS256", "ES256"),
        jwks_url=url,
        discovery=url is None,
        refresh=Seconds(300),
        refresh_floor=Seconds(floor),
    )


class Idp:
    """An identity provider in memory: hands out ``document``, an error if it is one, or waits for ever if None."""

    def __init__(self, document: bytes | Exception | None = None) -> None:
        self.document = document
        self.fetches = 0

    async def __call__(self, url: str) -> bytes:
        self.fetches += 1
        await asyncio.sleep(0)
        if self.document is None:
            await asyncio.Event().wait()
        if isinstance(self.document, Exception):
            raise self.document
        return self.document or b""


class Naps:
    """Sleeps that are over at once, but for the last, which lasts."""

    def __init__(self, count: int) -> None:
        self.asked: list[float] = []
        self.over = asyncio.Event()
        self._count = count

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        if len(self.asked) == self._count:
            self.over.set()
            await asyncio.Event().wait()


def kids(keys: RemoteKeys | StaticKeys, kid: str | None = None, algorithm: str = "RS256") -> list[str | None]:
    return [key.kid for key in keys.find(kid, algorithm)]


def test_keys_are_found_by_name_and_type():
    keys = StaticKeys((jwk_key(jwk(RSA, kid="a")), jwk_key(jwk(OTHER_RSA, kid="b")), jwk_key(jwk(EC, kid="a"))))
    assert kids(keys, "a") == ["a"]
    assert kids(keys, None) == ["a", "b"]
    assert kids(keys, "c") == []
    assert keys.find("a", "ES256") == (Key(EC.public_key(), frozenset({"ES256"}), "a"),)
    assert kids(keys, "a", "HS256") == []
    assert kids(keys, "a", "none") == []


def test_a_key_without_a_name_fits_every_name():
    keys = StaticKeys((jwk_key(jwk(RSA)), jwk_key(jwk(OTHER_RSA, kid="b"))))
    assert kids(keys, "anything") == [None]
    assert kids(keys, "b") == [None, "b"]


async def test_static_keys_have_nothing_to_fetch():
    keys = StaticKeys((jwk_key(jwk(RSA)),))
    keys.start()
    assert keys.ready
    assert not await keys.refresh_for("unknown")
    await keys.stop()
    assert not StaticKeys(()).ready


@pytest.mark.parametrize(
    ("url", "secure"),
    [
        ("https://idp.example/keys", True),
        ("https://10.0.0.1:8443/keys", True),
        ("http://127.0.0.1:8080/keys", True),
        ("http://127.9.9.9/keys", True),
        ("http://[::1]:8080/keys", True),
        ("http://localhost/keys", True),
        ("HTTPS://idp.example", True),
        ("http://idp.example/keys", False),
        ("http://localhost.evil.example/keys", False),
        ("http://127.0.0.1.evil.example/keys", False),
        ("http://127.0.0.1@evil.example/keys", False),
        ("http://10.0.0.1/keys", False),
        ("file:///etc/passwd", False),
        ("ftp://localhost/keys", False),
        ("https://", False),
        ("https:///keys", False),
        ("http://[::1/keys", False),
        ("idp.example", False),
        ("", False),
    ],
)
def test_keys_come_by_https_or_from_this_machine(url, secure):
    assert is_secure(url) is secure


async def test_keys_are_fetched_at_the_start_and_then_every_refresh():
    idp, naps = Idp(jwks(jwk(RSA, kid="a"))), Naps(3)
    keys = RemoteKeys(issuer(), idp, clock=FakeClock(), sleep=naps)
    assert (keys.ready, keys.version) == (False, 0)
    keys.start()
    await naps.over.wait()
    assert naps.asked == [300, 300, 300]
    assert (keys.ready, keys.version, idp.fetches) == (True, 1, 3), "the same keys are no new version"
    assert kids(keys) == ["a"]
    await keys.stop()


async def test_a_failing_start_is_tried_again_ever_more_rarely(caplog):
    naps = Naps(9)
    keys = RemoteKeys(issuer(), Idp(OSError("no route")), clock=FakeClock(), sleep=naps)
    keys.start()
    await naps.over.wait()
    await keys.stop()
    assert naps.asked == [1, 2, 4, 8, 15, 30, 60, 60, 60]
    assert not keys.ready
    assert f"keys of issuer {ISSUER} not fetched: OSError: no route" in caplog.text


async def test_a_success_ends_the_retries():
    naps = Naps(5)
    script: list[bytes | OSError] = [OSError(), OSError(), jwks(jwk(RSA)), OSError(), jwks(jwk(RSA))]

    async def idp(url: str) -> bytes:
        document = script.pop(0)
        if isinstance(document, OSError):
            raise document
        return document

    keys = RemoteKeys(issuer(), idp, clock=FakeClock(), sleep=naps)
    keys.start()
    await naps.over.wait()
    await keys.stop()
    assert naps.asked == [1, 2, 300, 1, 300]


async def test_a_refresh_set_to_nothing_still_rests():
    naps = Naps(1)
    settings = Issuer(
        issuer=ISSUER, audience="t", algorithms=("RS256",), jwks_url="https://i.example", refresh=Seconds(0)
    )
    keys = RemoteKeys(settings, Idp(jwks()), clock=FakeClock(), sleep=naps)
    keys.start()
    await naps.over.wait()
    await keys.stop()
    assert naps.asked == [1]


@pytest.mark.parametrize(
    "failure", [OSError(), ValueError(), RuntimeError(), b"", b"<html>", b"{}", b'{"keys": 1}', b"x" * 300_000]
)
async def test_whatever_goes_wrong_the_old_keys_are_kept(failure, caplog):
    clock, idp = FakeClock(), Idp(jwks(jwk(RSA, kid="a")))
    keys = RemoteKeys(issuer(), idp, clock=clock)
    assert await keys.refresh_for("a")
    idp.document = failure
    clock.advance(10)
    caplog.set_level(logging.WARNING)
    assert not await keys.refresh_for("b")
    assert (idp.fetches, kids(keys), keys.version) == (2, ["a"], 1)
    assert ISSUER in caplog.text


async def test_an_issuer_may_take_all_its_keys_back():
    clock, idp = FakeClock(), Idp(jwks(jwk(RSA, kid="a")))
    keys = RemoteKeys(issuer(), idp, clock=clock)
    await keys.refresh_for("a")
    idp.document = jwks()
    clock.advance(10)
    assert await keys.refresh_for("b")
    assert (keys.ready, keys.version, kids(keys)) == (False, 2, [])


async def test_a_known_name_fetches_nothing():
    clock, idp = FakeClock(), Idp(jwks(jwk(RSA, kid="a")))
    keys = RemoteKeys(issuer(), idp, clock=clock)
    await keys.refresh_for("a")
    clock.advance(1000)
    assert not await keys.refresh_for("a")
    assert idp.fetches == 1


async def test_many_unknown_names_at_once_cause_one_fetch():
    idp = Idp(jwks(jwk(RSA, kid="k7")))
    keys = RemoteKeys(issuer(), idp, clock=FakeClock())
    changed = await asyncio.gather(*(keys.refresh_for(f"k{number}") for number in range(100)))
    assert (all(changed), idp.fetches) == (True, 1), "and all see what it brought"


async def test_unknown_names_one_after_another_cause_one_fetch_in_a_floor():
    clock, idp = FakeClock(), Idp(jwks())
    keys = RemoteKeys(issuer(floor=10), idp, clock=clock)
    for number in range(100):
        await keys.refresh_for(f"k{number}")
        clock.advance(0.5)
    assert idp.fetches == 5


async def test_failures_count_for_the_floor_too():
    clock, idp = FakeClock(), Idp(OSError())
    keys = RemoteKeys(issuer(floor=10), idp, clock=clock)
    for _ in range(20):
        await keys.refresh_for(None)
        clock.advance(1)
    assert idp.fetches == 2


async def test_a_request_joins_the_fetch_of_the_start():
    idp, naps = Idp(jwks(jwk(RSA, kid="a"))), Naps(1)
    keys = RemoteKeys(issuer(), idp, clock=FakeClock(), sleep=naps)
    keys.start()
    await asyncio.sleep(0)
    assert await keys.refresh_for("a")
    assert idp.fetches == 1
    await keys.stop()


async def test_the_start_joins_the_fetch_of_a_request():
    idp, naps = Idp(jwks(jwk(RSA, kid="a"))), Naps(1)
    keys = RemoteKeys(issuer(), idp, clock=FakeClock(), sleep=naps)
    early = asyncio.create_task(keys.refresh_for("a"))
    await asyncio.sleep(0)
    keys.start()
    await naps.over.wait()
    assert await early
    assert idp.fetches == 1
    await keys.stop()


async def test_nobody_waits_for_ever(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    idp = Idp()
    keys = RemoteKeys(issuer(floor=0), idp, clock=FakeClock())
    assert not await keys.refresh_for("a")
    assert not await keys.refresh_for("b")
    assert idp.fetches == 1, "the second joined the first's"
    await keys.stop()


async def test_a_fetch_that_hangs_is_given_up(monkeypatch, caplog):
    monkeypatch.setattr(module, "FETCH_TIME", 0.01)
    idp = Idp()
    keys = RemoteKeys(issuer(floor=0), idp, clock=FakeClock())
    assert not await keys.refresh_for("a")
    assert "TimeoutError" in caplog.text
    idp.document = jwks(jwk(RSA, kid="a"))
    assert await keys.refresh_for("a")


async def test_one_who_gives_up_waiting_does_not_end_the_fetch():
    idp = Idp(jwks(jwk(RSA, kid="a")))
    keys = RemoteKeys(issuer(), idp, clock=FakeClock())
    patient, impatient = (asyncio.create_task(keys.refresh_for("a")) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient
    assert impatient.cancelled()


async def test_stopping_ends_a_fetch_under_way():
    keys = RemoteKeys(issuer(), Idp(), clock=FakeClock())
    keys.start()
    waiting = asyncio.create_task(keys.refresh_for("a"))
    await asyncio.sleep(0)
    await keys.stop()
    assert not await waiting
    assert len(asyncio.all_tasks()) == 1


async def test_keys_that_were_rotated_come_over_http():
    async with IdentityProvider() as idp:
        idp.documents["/keys"] = jwks(jwk(RSA, kid="old"))
        clock = FakeClock()
        keys = RemoteKeys(issuer(url=f"{idp.url}/keys"), fetch, clock=clock)
        assert await keys.refresh_for("old")
        idp.documents["/keys"] = jwks(jwk(OTHER_RSA, kid="new"), jwk(ED, kid="ed"))
        clock.advance(10)
        assert await keys.refresh_for("new")
        assert (kids(keys), kids(keys, "ed", "EdDSA")) == (["new"], ["ed"])
        idp.down = True
        clock.advance(10)
        assert not await keys.refresh_for("newer")
        assert kids(keys) == ["new"]
        assert idp.requests == ["/keys"] * 3


@pytest.mark.parametrize("path", ["", "/realms/corp", "/realms/corp/"])
async def test_discovery_finds_the_keys(path):
    async with IdentityProvider() as idp:
        name = idp.url + path
        where = f"{path.rstrip('/')}{DISCOVERY}"
        idp.documents = {
            where: json.dumps({"issuer": name, "jwks_uri": f"{idp.url}/keys"}).encode(),
            "/keys": jwks(jwk(RSA, kid="a")),
        }
        keys = RemoteKeys(issuer(name, url=None), fetch, clock=FakeClock())
        assert await keys.refresh_for("a")
        assert idp.requests == [where, "/keys"]


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example", "jwks_uri": "https://idp.example/keys"},
        {"issuer": ISSUER + "/", "jwks_uri": "https://idp.example/keys"},
        {"issuer": ISSUER.upper(), "jwks_uri": "https://idp.example/keys"},
        {"jwks_uri": "https://idp.example/keys"},
        {"issuer": ISSUER},
        {"issuer": ISSUER, "jwks_uri": None},
        {"issuer": ISSUER, "jwks_uri": "http://idp.example/keys"},
        {"issuer": ISSUER, "jwks_uri": "file:///etc/passwd"},
        {"issuer": ISSUER, "jwks_uri": ["https://idp.example/keys"]},
        [],
    ],
)
async def test_discovery_documents_that_are_refused(document):
    idp = Idp(json.dumps(document).encode())
    keys = RemoteKeys(issuer(url=None), idp, clock=FakeClock())
    assert not await keys.refresh_for("a")
    assert idp.fetches == 1, "no keys were asked for"
