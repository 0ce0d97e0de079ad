"""Virtual keys: made, recognised, and never shown."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.auth import virtual_keys
from torana.auth.virtual_keys import Minted, digest, is_virtual_key, mint

FIXED = "tor_0123456789ab_" + "x" * 43 + "4Jzwsd"
"""A key whose checksum was worked out once: keys that are in use stay keys."""


def test_a_key_has_the_form_that_scanners_are_told_of():
    minted = mint()
    told = re.search(r"``(\\btor_.*?\\b)``", virtual_keys.__doc__ or "")
    assert told is not None
    found = re.findall(told[1], f"API_KEY='{minted.text}', and {minted.text}x is none")
    assert found == [minted.text]
    assert minted.text.startswith(f"{minted.id}_")
    assert len(minted.id) == len("tor_") + 12
    assert is_virtual_key(minted.text)


def test_the_checksum_stays_what_it_is():
    assert is_virtual_key(FIXED)


def test_no_two_keys_are_alike_in_any_part():
    keys = [mint() for _ in range(100)]
    assert len({key.id for key in keys}) == 100
    assert len({key.text[17:60] for key in keys}) == 100
    assert len({key.digest for key in keys}) == 100
    assert set("".join(key.text[4:] for key in keys)) == {*string.ascii_letters, *string.digits, "_"}


def test_a_digest_is_of_the_whole_key():
    minted = mint()
    assert minted.digest == digest(minted.text) != digest(minted.text[:-1])
    assert digest("tor_") == "feb734dc2edebefaede118dd94bffd826252c1b14957554c5905dc6442204ba7"


def test_a_key_does_not_show_itself():
    minted = mint()
    assert repr(minted) == f"Minted(id={minted.id!r})"
    assert isinstance(minted, Minted)


@given(st.integers(0, len(FIXED) - 1), st.sampled_from(string.ascii_letters + string.digits + "_-. \n\x00\u0661\ud800"))
def test_one_wrong_character_is_always_told(place, character):
    typo = FIXED[:place] + character + FIXED[place + 1 :]
    assert is_virtual_key(typo) == (typo == FIXED)


@pytest.mark.parametrize(
    "text", ["", "tor_", FIXED[:-1], FIXED + "0", FIXED + "\n", " " + FIXED, FIXED.upper(), "e30.e30.AA"]
)
def test_what_is_no_key(text):
    assert not is_virtual_key(text)


@given(st.text())
def test_any_text_can_be_asked_about(text):
    assert not is_virtual_key(text)
