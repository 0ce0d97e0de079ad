import pytest

from tests.assembly.kit import Log, settings_in
from torana.assembly.policies.caching import caching, keeping_answers
from torana.config.caching import Cache, CacheRule
from torana.config.policies import Counters
from torana.config.secrets import Secret, SecretMissing
from torana.config.upstreams import Account
from torana.core.clock import FakeClock
from torana.policy.cache.rules import UNKEPT
from torana.storage.cache.guarded import Guarded
from torana.storage.cache.memory import MemoryAnswers
from torana.storage.cache.port import AnswersUnavailable
from torana.telemetry.signals import Signals

RULES = (CacheRule("r"),)


def test_nothing_is_kept_without_rules(tmp_path):
    keeping = keeping_answers(settings_in(tmp_path), {}, clock=FakeClock(), logger=Log().logger)
    assert isinstance(keeping.answers, MemoryAnswers)
    assert caching(settings_in(tmp_path), keeping.answers, FakeClock(), Signals()) is UNKEPT


def test_accounts_are_told_from_what_they_were(tmp_path):
    def edition(**account):
        settings = settings_in(tmp_path, cache=Cache(rules=RULES), providers={"a": Account(type="echo", **account)})
        return caching(settings, MemoryAnswers(FakeClock(), 1), FakeClock(), Signals()).editions["a"]

    assert edition() == edition()
    assert edition() != edition(base_url="http://elsewhere")


def test_what_comes_of_it_is_counted(tmp_path):
    signals = Signals()
    made = caching(settings_in(tmp_path, cache=Cache(rules=RULES)), MemoryAnswers(FakeClock(), 1), FakeClock(), signals)
    made.tell("hit")
    assert b'torana_cache_total{result="hit"} 1.0' in signals.render()


async def test_a_server_that_is_gone_is_told_of_once(tmp_path):
    settings = settings_in(
        tmp_path, cache=Cache(rules=RULES, store="valkey"), counters=Counters(valkey=Secret(env="STORE"))
    )
    log = Log()
    keeping = keeping_answers(settings, {"STORE": "redis://127.0.0.1:1"}, clock=FakeClock(), logger=log.logger)
    assert isinstance(keeping.answers, Guarded)
    for _ in range(5):
        with pytest.raises(AnswersUnavailable):
            await keeping.answers.get("a")
    assert [(event["event"], event["available"]) for event in log.events] == [("cache", False)]
    await keeping.stop()


def test_a_server_that_nobody_names(tmp_path):
    settings = settings_in(tmp_path, cache=Cache(store="valkey"))
    with pytest.raises(SecretMissing, match=r"counters\.valkey"):
        keeping_answers(settings, {}, clock=FakeClock(), logger=Log().logger)
