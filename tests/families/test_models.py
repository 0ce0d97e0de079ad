import pytest
from anthropic.types import ModelInfo

from torana.families.models import LIST, RETRIEVE, as_entry, as_list, as_object, as_page


@pytest.mark.parametrize(
    ("name", "owner"), [("vary", "torana"), ("lab/redux", "lab"), ("fal/fal-ai/flux-1/dev", "fal"), ("größe", "torana")]
)
def test_a_model_is_of_its_account_or_ours(name, owner):
    assert as_object(name) == {"id": name, "object": "model", "created": 0, "owned_by": owner}


def test_a_list_keeps_its_order():
    assert as_list(["vary", "lab/redux"]) == {"object": "list", "data": [as_object("vary"), as_object("lab/redux")]}
    assert as_list([]) == {"object": "list", "data": []}


def test_what_is_said_is_what_is_described():
    assert RETRIEVE.reply_schema["required"] == list(as_object("vary"))
    assert LIST.reply_schema["required"] == list(as_list([]))


def test_they_answer_with_and_without_the_version():
    assert LIST.paths == ("/models", "/v1/models")
    assert RETRIEVE.paths == ("/models/{model}", "/v1/models/{model}")


def test_clients_of_messages_page_through_them():
    page = as_page(["vary", "lab/redux"])
    assert page == {
        "data": [as_entry("vary"), as_entry("lab/redux")],
        "has_more": False,
        "first_id": "vary",
        "last_id": "lab/redux",
    }
    assert as_page([]) == {"data": [], "has_more": False, "first_id": None, "last_id": None}
    assert ModelInfo.model_validate(as_entry("vary"), strict=False).id == "vary"
