import re

from hypothesis import given
from hypothesis import strategies as st

from torana.assembly.importing.naming import Names
from torana.config.model import NAME


def test_names_stay_as_they_are_where_they_can() -> None:
    names = Names()
    assert [names.fresh(each) for each in ("gpt-4o", "a/b c", "a-b-c", "***", "gpt-4o")] == [
        "gpt-4o", "a-b-c", "a-b-c-2", "unnamed", "gpt-4o-2",
    ]  # fmt: skip


@given(wanted=st.lists(st.text(max_size=80), max_size=6))
def test_whatever_is_wanted_a_name_is_one_of_ours_and_given_once(wanted: list[str]) -> None:
    names = Names()
    made = [names.fresh(each) for each in [*wanted, *wanted]]
    assert all(re.match(NAME, each) for each in made)
    assert len(set(made)) == len(made)
