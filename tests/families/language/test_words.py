from torana.families.language.words import Conversation, Text, Turn


def test_instructions_are_told_from_what_is_said():
    instructed, asked, answered = (Turn(role, (Text("x"),)) for role in ("system", "user", "assistant"))
    conversation = Conversation((instructed, asked, answered))
    assert conversation.system == (instructed,)
    assert conversation.spoken == (asked, answered)
