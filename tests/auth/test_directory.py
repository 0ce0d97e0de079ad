"""What a gateway knows of keys and subjects."""

import gc
import tracemalloc

import msgspec

from torana.auth.directory import Directory, KnownKey
from torana.core.registry import Key, Registry, Subject

ANNA = Subject("user", "anna", teams=("design",))
NIGHTLY = Subject("service_account", "nightly")
KEY = Key("tor_a", "d1", "user", "anna", expires=9.0, models=("vary",))


def learnt(*things: Key | Subject) -> Directory:
    directory = Directory()
    keys = tuple(thing for thing in things if isinstance(thing, Key))
    directory.learn(Registry(keys=keys, subjects=tuple(thing for thing in things if isinstance(thing, Subject))))
    return directory


def test_nothing_is_known_at_first():
    directory = Directory()
    assert not directory.known
    assert (directory.edition.keys, directory.edition.subjects) == ({}, {})


def test_an_empty_registry_is_known_all_the_same():
    directory = learnt()
    assert directory.known
    assert directory.edition.keys == {}


def test_a_key_is_found_by_its_digest_and_leads_to_its_owner():
    edition = learnt(ANNA, NIGHTLY, KEY).edition
    assert edition.keys == {"d1": KnownKey("tor_a", ANNA, ("vary",), 9.0, None)}


def test_subjects_of_one_name_are_told_apart_by_their_kind():
    anna = Subject("service_account", "anna", disabled=True)
    edition = learnt(anna, ANNA, KEY).edition
    assert edition.subjects == {("user", "anna"): ANNA, ("service_account", "anna"): anna}
    assert edition.keys["d1"].owner == ANNA


def test_a_key_whose_owner_was_deleted_has_none():
    assert learnt(NIGHTLY, KEY).edition.keys["d1"].owner is None
    assert learnt(Subject("service_account", "anna"), KEY).edition.keys["d1"].owner is None


def test_what_is_learnt_replaces_all_that_was_known():
    directory = learnt(ANNA, KEY)
    before = directory.edition
    directory.learn(Registry(subjects=(NIGHTLY,)))
    assert directory.edition.keys == {}
    assert directory.edition.subjects == {("service_account", "nightly"): NIGHTLY}
    assert before.keys.keys() == {"d1"}, "who began with an edition ends with it"


def test_each_edition_is_another_even_if_it_says_the_same():
    directory = learnt(ANNA)
    before = directory.edition
    directory.learn(Registry(subjects=(ANNA,)))
    assert directory.edition != before


def test_an_edition_shows_nobody():
    assert repr(learnt(ANNA, KEY).edition) == "Edition()"


def test_ten_thousand_keys_take_four_megabytes():
    keys = [Key(f"tor_{i:012}", f"{i:064x}", "user", f"user-{i % 100}", f"name {i}", i, i) for i in range(10_000)]
    subjects = [Subject("user", f"user-{i}") for i in range(100)]
    written = msgspec.json.encode(Registry(keys=tuple(keys), subjects=tuple(subjects)))
    del keys
    gc.collect()
    tracemalloc.start()
    try:
        directory = Directory()
        directory.learn(msgspec.json.decode(written, type=Registry))
        gc.collect()
        taken, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(directory.edition.keys) == 10_000
    assert taken < 4_000_000
