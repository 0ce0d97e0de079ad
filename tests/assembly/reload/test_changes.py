import os

import msgspec
import pytest

from tests.assembly.kit import ISSUER
from torana.assembly.reload.changes import (
    changed_sections,
    left_for_restart,
    live_files,
    look,
    named_files,
    taken_up,
)
from torana.config.caching import Cache, CacheRule
from torana.config.guardrails import Guardrail, Guardrails
from torana.config.model import Auth, Pictures, Server, Settings, Uploads
from torana.config.secrets import Secret
from torana.config.units import Bytes, Seconds
from torana.config.upstreams import Account, Model, Prompts, Retries, TargetRef

RUNNING = Settings(auth=Auth(issuers=(ISSUER,)), providers={"mirror": Account(type="echo")})


def changed(**sections: object) -> Settings:
    return msgspec.structs.replace(RUNNING, **sections)


LIVE = {
    "auth": Auth(issuers=(ISSUER, ISSUER)),
    "images": msgspec.structs.replace(RUNNING.images, prompts=Prompts(version="2")),
    "retries": Retries(attempts=1),
    "guardrails": Guardrails(checks={"a": Guardrail("secrets")}),
    "providers": {"other": Account(type="echo")},
    "models": {"vary": Model((TargetRef("mirror/echo"),))},
}


@pytest.mark.parametrize("section", LIVE)
def test_what_can_change_while_it_serves(section):
    wanted = changed(**{section: LIVE[section]})
    assert taken_up(RUNNING, wanted) == wanted
    assert left_for_restart(RUNNING, wanted) == []
    assert changed_sections(RUNNING, wanted, ()) == [section]


def test_the_deadline_of_a_call_can_change_and_nothing_else_of_the_server():
    wanted = changed(server=Server(deadline=Seconds(1), port=1, max_head=Bytes(1)))
    assert taken_up(RUNNING, wanted) == changed(server=Server(deadline=Seconds(1)))
    assert left_for_restart(RUNNING, wanted) == ["server.port", "server.max_head"]


def test_what_needs_a_restart_is_left_as_it_runs():
    wanted = changed(uploads=Uploads(max_files=1, max_parts=2), pictures=Pictures(ttl=Seconds(1)))
    assert taken_up(RUNNING, wanted) == RUNNING
    assert left_for_restart(RUNNING, wanted) == ["uploads.max_files", "uploads.max_parts", "pictures.ttl"]
    assert changed_sections(RUNNING, RUNNING, ()) == []


def test_a_section_changes_with_the_files_that_it_names(tmp_path):
    issuer = msgspec.structs.replace(ISSUER, secret=Secret(file="key"))
    keyed = changed(auth=Auth(issuers=(issuer,)), models=LIVE["models"])
    assert changed_sections(keyed, keyed, look(named_files(issuer))) == ["auth"]
    assert changed_sections(keyed, keyed, look([tmp_path])) == []


def test_files_are_found_wherever_they_are_named():
    rs256 = msgspec.structs.replace(ISSUER, algorithms=("RS256",), secret=None, jwks_file="jwks.json")
    pem = msgspec.structs.replace(rs256, jwks_file=None, public_key=Secret(file="key.pem"))
    wanted = changed(
        auth=Auth(issuers=(ISSUER, rs256, pem)),
        providers={"lab": Account(type="echo", api_key=Secret(file="lab.key"))},
        pictures=Pictures(signing_key=Secret(file="picture.key")),
    )
    assert sorted(map(str, live_files(wanted))) == ["jwks.json", "key.pem", "lab.key"]
    assert sorted(map(str, named_files(wanted))) == ["jwks.json", "key.pem", "lab.key", "picture.key"]


def test_a_look_tells_contents_and_not_times(tmp_path):
    file = tmp_path / "key"
    file.write_text("one")
    before = look([file])
    os.utime(file, (0, 0))
    assert look([file]) == before
    file.write_text("two")
    assert look([file]) != before


def test_what_cannot_be_read_is_empty_and_a_pipe_is_left_alone(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    names = ("nowhere", "pipe", ".")
    assert look(tmp_path / name for name in names) == {tmp_path / name: "" for name in names}


def test_of_the_cache_the_rules_can_change_and_not_where_it_is():
    wanted = changed(cache=Cache(rules=(CacheRule("r"),), store="valkey"))
    assert taken_up(RUNNING, wanted) == changed(cache=Cache(rules=(CacheRule("r"),)))
    assert left_for_restart(RUNNING, wanted) == ["cache.store"]
