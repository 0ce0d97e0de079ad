import json

from tests.dialects.anthropic.spoken import HELLO, at
from tests.families.language.messages.said import MESSAGE
from torana.dialects.anthropic import TONGUE
from torana.dialects.anthropic.manner import Manner
from torana.dialects.anthropic.tongue import tongue
from torana.families.language.words import Conversation


def test_the_dialect_is_spoken_in_ones_manner() -> None:
    conversation = Conversation(HELLO, stream=True)
    assert TONGUE.encode(conversation, at()).message.path == "/v1/messages"
    other = tongue(Manner(lambda model, stream: f"/{model}/{stream}", version="v", names_model=False))
    assert other.encode(conversation, at("claude-x")).message.path == "/claude-x/True"
    assert other.decode(json.dumps(MESSAGE).encode(), conversation).id == "msg_01"
    assert not other.listener(conversation).ended
