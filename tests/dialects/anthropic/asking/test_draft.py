from tests.dialects.anthropic.spoken import HELLO, at
from torana.dialects.anthropic.asking.draft import Draft
from torana.dialects.anthropic.asking.talents import Talents
from torana.families.language.words import Conversation


def test_fields_are_told_by_the_clients_own_names() -> None:
    draft = Draft(Conversation(HELLO), at(body={"reasoning": {"effort": "low"}}), Talents())
    draft.ignore("reasoning_effort", "reasoning", "thinking")
    draft.ignore("seed")
    assert draft.ignored == ["reasoning", "seed"]
    refused = draft.refuse("No.", "stop", "stop_sequences")
    assert (refused.param, refused.code, refused.message) == ("stop", "unsupported_parameter", "No.")
