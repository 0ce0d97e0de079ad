import json

import pytest
from msgspec import Raw
from openai.types.responses.response_item_list import ResponseItemList

from tests.families.language.responses.asking import request
from torana.core.errors import InvalidRequest
from torana.families.language.responses.continued import (
    Kept,
    answer_of,
    continued,
    input_items,
    is_response,
    known_upstream,
    listed,
    output_by_id,
    own_id,
    previous,
    referred,
    resolved,
    wants_keeping,
)
from torana.families.language.responses.hearing import hear
from torana.families.language.responses.telling import tell
from torana.families.language.saying import Said, Utterance
from torana.families.language.voice import Occasion
from torana.families.language.words import Text, Turn


def kept(items=(b'{"role":"user","content":"Hi"}',), account="a"):
    said = tell(Utterance((Said((Text("Hello"),)),)), Occasion(request(), 1, "ab" * 12, "m"))
    return Kept(Raw(said), None if items is None else [Raw(item) for item in items], account)


def test_a_request_goes_on_from_all_that_was_said():
    asked = request(previous_response_id="resp_1", input="And?", odd=1.0)
    whole = continued(asked, kept())
    assert hear(whole).turns == (
        Turn("user", (Text("Hi"),)),
        Turn("assistant", (Text("Hello"),)),
        Turn("user", (Text("And?"),)),
    )
    assert (whole.sent, whole.account, whole.at_home) == (asked, "a", False)
    assert whole.amounts["tokens"] > asked.amounts["tokens"]
    assert json.loads(whole.raw) == whole.body


def test_a_conversation_that_was_too_long_to_keep_cannot_go_on():
    with pytest.raises(InvalidRequest) as caught:
        continued(request(previous_response_id="resp_1"), kept(items=None))
    assert caught.value.code == "conversation_too_long"


def test_what_goes_in_is_items():
    assert [json.loads(bytes(item)) for item in input_items(request(input="a"))] == [{"role": "user", "content": "a"}]
    assert input_items(request(input=None)) == []
    assert [bytes(item) for item in input_items(request(input=[{"odd": 1.0}]))] == [b'{"odd": 1.0}']
    with pytest.raises(InvalidRequest):
        input_items(request(input=3))


def test_answers_are_known_by_their_ids():
    assert own_id("ab") == "resp_tab"
    assert not known_upstream(own_id("ab"))
    assert known_upstream("resp_68ab")
    assert answer_of("msg_tab_0") == "resp_tab"
    assert answer_of("msg_68ab") is None
    assert answer_of("nothing") is None


def test_what_is_to_be_kept():
    assert wants_keeping(request())
    assert not wants_keeping(request(store=False))
    assert not wants_keeping(object())
    assert not is_response(object())
    assert previous(object()) is None
    assert previous(request()) is None


def test_references_are_replaced_by_what_they_mean():
    asked = request(input=[{"type": "item_reference", "id": "msg_1"}, {"type": "item_reference", "id": "msg_2"}, 3])
    found = resolved(asked, {"msg_1": Raw(b'{"role":"user","content":"x"}')})
    assert found.body["input"] == [
        {"role": "user", "content": "x"},
        {"type": "item_reference", "id": "msg_2"},
        3,
    ]
    assert referred(Raw(b"3")) is None
    assert referred(Raw(b'{"id":"a"}')) is None


def test_items_of_an_answer_by_their_ids():
    assert [name for name, _ in output_by_id(kept().response)] == [f"msg_t{'ab' * 12}_0"]


def test_items_are_listed_as_the_official_client_knows_them():
    told = listed(
        [
            Raw(json.dumps(item).encode())
            for item in (
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "Hello"},
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "1"},
                {"type": "reasoning", "summary": []},
                {"type": "message", "id": "msg_mine", "role": "user", "content": [{"type": "input_text", "text": "a"}]},
                3,
            )
        ],
        "resp_tab",
    )
    ResponseItemList.model_validate({"object": "list", "data": told, "first_id": "", "last_id": "", "has_more": False})
    assert [item["id"] for item in told] == [
        "msg_tab_i0", "msg_tab_i1", "fc_tab_i2", "fco_tab_i3", "rs_tab_i4", "msg_mine", "item_tab_i6",
    ]  # fmt: skip
