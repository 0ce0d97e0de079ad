"""Verified tokens remembered."""

from torana.auth.cache import TokenCache, Verified
from torana.auth.keys.jwks import StaticKeys
from torana.core.exchange import Principal

KEYS = StaticKeys((), version=1)
ADA = Principal(subject="ada", issuer="idp")


def verified(until: float = 100.0, version: int = 1) -> Verified:
    return Verified(ADA, until, KEYS, version)


def test_what_was_put_is_got_until_its_time_is_up():
    cache = TokenCache(10)
    cache.put("token", verified(until=100))
    assert cache.get("token", 99.9) == ADA
    assert cache.get("token", 100) is None
    assert cache.get("token", 99) is None, "and it is gone for good"


def test_another_token_is_not_known():
    cache = TokenCache(10)
    cache.put("token", verified())
    assert cache.get("Token", 0) is None


def test_it_is_forgotten_when_the_keys_are_others():
    cache = TokenCache(10)
    cache.put("token", verified(version=0))
    assert cache.get("token", 0) is None
    assert len(cache) == 0


def test_the_one_used_longest_ago_goes_first():
    cache = TokenCache(2)
    cache.put("a", verified())
    cache.put("b", verified())
    cache.get("a", 0)
    cache.put("c", verified())
    assert [cache.get(token, 0) for token in "abc"] == [ADA, None, ADA]
    assert len(cache) == 2


def test_one_of_size_zero_remembers_nothing():
    cache = TokenCache(0)
    cache.put("a", verified())
    assert cache.get("a", 0) is None
    assert len(cache) == 0


def test_no_token_is_kept():
    cache = TokenCache(10)
    cache.put("raw-token", verified())
    assert "raw-token" not in repr(vars(cache))
