from tests.families.language.responses.asking import occasion, response_of
from torana.families.language.responses.telling import counted, opened, summarised, tell
from torana.families.language.saying import Said, Tokens, Utterance
from torana.families.language.words import Text, ToolCall

TOOL = {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True}


def test_a_response_says_what_was_asked():
    at = occasion(
        instructions="Be brief.",
        metadata={"a": "b"},
        max_output_tokens=9,
        temperature=0.5,
        tools=[TOOL],
        tool_choice={"type": "function", "name": "f"},
        parallel_tool_calls=False,
        reasoning={"effort": "low", "summary": "auto"},
        text={"format": {"type": "json_object"}},
        store=False,
    )
    told = response_of(tell(Utterance((Said((Text("{}"),)),), model="m-1"), at))
    assert told["id"] == f"resp_t{'ab' * 12}"
    assert (told["model"], told["created_at"], told["status"]) == ("m-1", 1_800_000_000, "completed")
    assert (told["instructions"], told["metadata"], told["temperature"]) == ("Be brief.", {"a": "b"}, 0.5)
    assert (told["parallel_tool_calls"], told["store"], told["max_output_tokens"]) == (False, False, 9)
    assert told["tools"] == [{"description": None, **TOOL}]
    assert told["text"] == {"format": {"type": "json_object"}, "verbosity": "medium"}
    assert told["usage"] is None


def test_an_answer_that_found_no_room_is_incomplete():
    told = response_of(tell(Utterance((Said((Text("a"),), "length"),)), occasion()))
    assert (told["status"], told["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert told["completed_at"] is None
    assert response_of(tell(Utterance((Said((), "filter"),)), occasion()))["incomplete_details"] == {
        "reason": "content_filter"
    }


def test_calls_are_items():
    told = response_of(tell(Utterance((Said((ToolCall("c1", "f", '{"a":1}'),), "tool"),)), occasion()))
    assert told["output"][0]["arguments"] == '{"a":1}'
    assert told["status"] == "completed"


def test_tokens_are_counted_as_openai_counts():
    assert counted(Tokens(text_in=5, cached_in=3, cache_write_in=2, text_out=4, reasoning_out=6)) == {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2},
        "output_tokens": 10,
        "output_tokens_details": {"reasoning_tokens": 6},
        "total_tokens": 20,
    }


def test_odd_fields_do_no_harm():
    assert opened(occasion(text=3, reasoning="x", metadata=[], tools=["x"]))["tools"] == []
    assert not summarised(occasion(reasoning="x"))
    assert summarised(occasion(reasoning={"generate_summary": "auto"}))
