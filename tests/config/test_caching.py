import pytest

from torana.config.caching import Cache, CacheRule
from torana.config.load import ConfigError, load_text
from torana.config.units import Seconds


def test_nothing_is_kept_unless_a_rule_says_so():
    assert load_text("").settings.cache == Cache()
    assert Cache().rules == ()


def test_a_rule_is_for_the_caller_himself_unless_it_says_otherwise():
    (rule,) = load_text("cache: {rules: [{name: all}]}").settings.cache.rules
    assert (rule.per, rule.callers, rule.ttl) == ("user", False, Seconds(3600))


@pytest.mark.parametrize("ttl", ["31d", "0.0001s"])
def test_a_time_that_nobody_means(ttl):
    with pytest.raises(ConfigError, match=r"cache\.rules\[0\]: `ttl` is 1ms to 30d"):
        load_text(f"cache: {{rules: [{{name: all, ttl: {ttl}}}]}}")
    assert CacheRule("all", ttl=Seconds(30 * 86400)).ttl
