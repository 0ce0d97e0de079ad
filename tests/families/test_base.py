from dataclasses import FrozenInstanceError, replace

import pytest

from torana.families.base import Field, Form
from torana.families.images import VARIATIONS


def test_a_family_answers_with_and_without_the_version():
    assert replace(VARIATIONS, path="/things").paths == ("/things", "/v1/things")


def test_an_endpoint_has_nothing_in_its_path_unless_it_says_so():
    assert VARIATIONS.parameters == ()


def test_a_family_is_shown_without_its_functions():
    shown = repr(VARIATIONS)
    assert "images.variations" in shown
    assert "<function" not in shown


def test_a_form_may_be_empty():
    assert Form() == Form((), ())


def test_what_is_declared_stays():
    with pytest.raises(FrozenInstanceError):
        Field("n", {}, "How many.").required = True  # type: ignore[misc]  # what is tried here


def test_a_field_is_of_the_contract_and_optional_unless_it_says_otherwise():
    field = Field("n", {}, "How many.")
    assert (field.required, field.nullable, field.extension) == (False, False, False)
