"""Whom a setting means by his names, and which names a pattern fits."""

from fnmatch import fnmatchcase

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.config.access import Grant, Patterns, names_of
from torana.core.exchange import Principal

TEXT = st.text("ab*?[]!\n-", max_size=6)


@given(st.lists(TEXT, max_size=4), TEXT)
def test_patterns_fit_as_one_by_one(patterns, name):
    plain = [pattern.replace("[", "[[]").replace("?", "[?]") for pattern in patterns]
    assert Patterns.of(patterns).fit(name) == any(fnmatchcase(name, pattern) for pattern in plain)


def test_no_pattern_fits_nothing():
    assert not Patterns.of(()).fit("")
    assert not Patterns.of(()).fit_any(["a", ""])


def test_one_of_several_names_is_enough():
    assert Patterns.of(["b*"]).fit_any(["a", "bc"])
    assert not Patterns.of(["b*"]).fit_any(["a", "cb"])


def test_stars_do_not_take_for_ever():
    assert not Patterns.of(["a*" * 20 + "b"]).fit("a" * 200)


def test_all_that_someone_is_called():
    assert names_of(Principal("anna", "idp", ("a", "b"))) == ("user:anna", "team:a", "team:b", "everyone")
    assert names_of(Principal("anna", "idp", ("a",), kind="service_account")) == ("service_account:anna", "team:a")


@pytest.mark.parametrize("name", ["anna", "user:", "everyone ", "every*", "*", "*:anna", "role:admin", "User:anna"])
def test_a_name_says_what_kind_it_is_of(name):
    with pytest.raises(msgspec.ValidationError, match="regex"):
        msgspec.convert({"name": "g", "to": [name]}, Grant)


def test_a_grant_is_somebodys():
    with pytest.raises(msgspec.ValidationError, match="length"):
        msgspec.convert({"name": "g", "to": []}, Grant)
