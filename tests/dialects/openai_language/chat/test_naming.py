import json

from torana.dialects.openai_language.chat.naming import call_name, user_name


def test_short_names_stay():
    assert user_name("u" * 64) == "u" * 64
    assert call_name("toolu_bdrk_01ABCDEFGHIJKLMNOPQRSTUV") == "toolu_bdrk_01ABCDEFGHIJKLMNOPQRSTUV"


def test_long_ones_become_others_of_their_own():
    agents = [json.dumps({"device_id": "d" * 64, "session_id": number}) for number in range(2)]
    told = [user_name(agent) for agent in agents]
    assert [len(name) for name in told] == [64, 64]
    assert told == [user_name(agent) for agent in agents]
    assert told[0] != told[1]
    calls = [call_name(f"call_{'c' * 60}{number}") for number in range(2)]
    assert max(map(len, calls)) <= 40
    assert calls[0] != calls[1]
