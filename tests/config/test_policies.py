import msgspec
import pytest

from torana.config.policies import Counters, Limit
from torana.config.secrets import Secret


def test_a_limit_says_little_and_means_much() -> None:
    limit = msgspec.convert({"name": "few", "of": "images", "limit": 20}, Limit)
    assert float(limit.every) == 60
    assert limit.per == ()
    assert limit.unavailable == "share"
    assert limit.when.users == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "few", "of": "images", "limit": 0},
        {"name": "few", "of": "pictures", "limit": 1},
        {"name": "a name", "of": "images", "limit": 1},
        {"name": "few", "of": "images", "limit": 1, "per": ["users"]},
        {"name": "few", "of": "images", "limit": 1, "per": ["metadata."]},
        {"name": "few", "of": "images", "limit": 1, "when": {"user": ["a"]}},
        {"of": "images", "limit": 1},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Limit)


def test_counters_are_in_process_unless_told() -> None:
    assert Counters().valkey is None
    assert str(Counters(valkey=Secret(env="VALKEY_URL")).valkey) == "environment variable VALKEY_URL"
