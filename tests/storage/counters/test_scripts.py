from hashlib import sha1

import pytest

from torana.storage.counters import scripts
from torana.storage.counters.scripts import Script
from torana.storage.counters.valkey import ValkeyCounters

ALL = [
    scripts.ADMIT,
    scripts.SETTLE,
    scripts.RENEW,
    scripts.RUN,
    scripts.RESERVE,
    scripts.STALE,
    scripts.HELD,
    scripts.RAISE,
]


@pytest.mark.parametrize("script", ALL)
async def test_a_server_takes_a_script_and_knows_it_by_the_name_that_we_do(server, script):
    counters = ValkeyCounters(server.connection_url)
    assert await counters._send("SCRIPT", "LOAD", script.text) == script.name.encode()
    await counters.close()


def test_no_two_scripts_are_one():
    assert len({script.name for script in ALL}) == len(ALL)


def test_a_name_is_of_the_text_alone():
    assert Script("return 0").name == sha1(b"return 0").hexdigest()
