import msgspec
import pytest

from torana.config.policies import Counters, Limit
from torana.config.secrets import Secret
from torana.config.units import Seconds
from torana.policy.limits import Rule


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
        {"name": "few", "of": "images", "limit": 10**15 + 1},
        {"name": "few", "of": "images", "limit": 1, "every": "0.0001ms"},
        {"name": "few", "of": "images", "limit": 1, "every": "3651d"},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Limit, dec_hook=lambda kind, written: kind.parse(written))


@pytest.mark.parametrize(("most", "every"), [(10**15, Seconds(0.001)), (1, Seconds(3650 * 86400)), (1, Seconds(60))])
def test_what_may_be_set_can_be_counted(most: int, every: Seconds) -> None:
    limit = Limit("few", "images", most, every)
    for replicas in (1, 64):
        assert Rule.of(limit, replicas=replicas).rate.limit == most


def test_counters_are_in_process_unless_told() -> None:
    assert Counters().valkey is None
    assert str(Counters(valkey=Secret(env="VALKEY_URL")).valkey) == "environment variable VALKEY_URL"
