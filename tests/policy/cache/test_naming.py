from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.core.exchange import Target
from torana.policy.cache.naming import Sought, name_of

BODY = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
SOUGHT = Sought("chat.completions", "m", BODY, (Target("a", "m"),), ("1",), "")


def name(sought: Sought = SOUGHT, namespace: tuple[str, ...] = ("rule", ""), owner: str | None = "ada") -> str:
    return name_of(sought, namespace=namespace, owner=owner)


@pytest.mark.parametrize(
    "change",
    [
        {"operation": "messages"},
        {"model": "n"},
        {"body": {**SOUGHT.body, "temperature": 0}},
        {"body": {**SOUGHT.body, "n": 2}},
        {"targets": (Target("a", "m", parameters=(("seed", 1),)),)},
        {"targets": (Target("a", "m"), Target("b", "m"))},
        {"editions": ("2",)},
        {"guards": "x"},
        {"headers": (("beta", "1"),)},
    ],
)
def test_whatever_changes_the_answer_changes_the_name(change):
    assert name(replace(SOUGHT, **change)) != name()


def test_whose_it_is_and_what_it_is_called_change_it():
    assert (
        len({name(), name(owner="bob"), name(owner=None), name(namespace=("rule", "x")), name(namespace=("r", ""))})
        == 5
    )


@pytest.mark.parametrize("without", [{"stream": True}, {"stream_options": {"include_usage": True}}, {"user": "b"}])
def test_what_changes_nothing_changes_no_name(without):
    assert name(replace(SOUGHT, body={**SOUGHT.body, **without})) == name()


def test_an_answer_that_shows_who_asked_is_his():
    response = replace(SOUGHT, operation="responses")
    assert name(replace(response, body={**SOUGHT.body, "user": "b"})) != name(response)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_the_order_of_members_is_nobodys(body):
    turned = dict(reversed(body.items()))
    assert name(replace(SOUGHT, body=body)) == name(replace(SOUGHT, body=turned))
    assert len(name()) == 64
