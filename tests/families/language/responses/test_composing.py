import pytest

from torana.families.language.responses.composing import Composer
from torana.families.language.saying import Begun, Counted, Delta, Ended, PartBegun, PartWhole, Sealed, Tokens
from torana.families.language.words import Media, Reasoning, Refusal, Text, ToolCall


def composed(*happenings, **options):
    composer = Composer("x", **options)
    told = [kind for happening in happenings for kind, _ in composer.take(happening)]
    told += [kind for kind, _ in composer.close()]
    return composer, told


def test_words_make_a_message():
    composer, told = composed(Begun(), PartBegun(Text("")), Delta("Hel"), Delta("lo"), Ended("end"))
    assert told == [
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
    ]
    part = {"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}
    message = {"id": "msg_tx_0", "type": "message", "role": "assistant", "content": [part], "status": "completed"}
    assert composer.output == [message]


def test_several_parts_in_words_are_one_message_and_a_call_ends_it():
    composer, told = composed(
        PartBegun(Text("")),
        Delta("a"),
        PartBegun(Refusal("")),
        Delta("no"),
        PartBegun(ToolCall("c1", "f", "")),
        Delta("{}"),
    )
    message, call = composer.output
    assert [part["type"] for part in message["content"]] == ["output_text", "refusal"]
    assert (call["id"], call["call_id"], call["arguments"]) == ("fc_tx_1", "c1", "{}")
    assert told[-2:] == ["response.function_call_arguments.done", "response.output_item.done"]
    assert "response.refusal.done" in told


@pytest.mark.parametrize(("summarised", "member"), [(True, "summary"), (False, "content")])
def test_thoughts_are_a_summary_where_one_was_asked_for(summarised, member):
    composer, told = composed(
        PartBegun(Reasoning()), Delta("hm"), Sealed("sig"), PartBegun(Text("")), Delta("a"), summarised=summarised
    )
    thought = composer.output[0]
    assert [part["text"] for part in thought[member]] == ["hm"]
    assert thought["encrypted_content"] == "signature:sig"
    assert ("response.reasoning_summary_part.done" in told) is summarised
    assert ("response.reasoning_text.done" in told) is not summarised


def test_what_is_sealed_alone_has_no_words():
    composer, told = composed(PartWhole(Reasoning(sealed="xyz")))
    assert composer.output[0]["encrypted_content"] == "xyz"
    assert told == ["response.output_item.added", "response.output_item.done"]


def test_the_seal_of_a_call_is_kept_with_it():
    composer, _ = composed(
        PartBegun(ToolCall("c", "f", "", signature="s1")), Delta("{}"), PartBegun(ToolCall("d", "f", "")), Sealed("s2")
    )
    assert [call["signature"] for call in composer.output] == ["s1", "s2"]


def test_words_out_of_nowhere_are_a_message():
    composer, _ = composed(Delta("a"))
    assert composer.output[0]["content"][0]["text"] == "a"


def test_what_was_cut_off_is_incomplete():
    composer, _ = composed(PartBegun(Text("")), Delta("a"), Ended("length"), Counted(Tokens(text_in=1)))
    assert composer.output[0]["status"] == "incomplete"
    assert composer.tokens == Tokens(text_in=1)


def test_a_picture_is_an_item():
    composer, told = composed(PartWhole(Media("image", base64="AA==")))
    assert composer.output[0]["result"] == "AA=="
    assert len(told) == 2


def test_a_second_answer_and_a_sound_are_not_told():
    composer, told = composed(PartBegun(Text(""), 1), Delta("b", 1), PartWhole(Media("audio", base64="AA==")))
    assert (composer.output, told) == ([], [])


def test_chances_have_bytes_whatever_the_upstream_says():
    chance = {"token": "é", "logprob": -1.0, "bytes": None, "top_logprobs": [{"token": "e", "logprob": -2.0}]}
    composer, _ = composed(PartBegun(Text("")), Delta("é", logprobs=(chance,)))
    told = composer.output[0]["content"][0]["logprobs"][0]
    assert told["bytes"] == [195, 169]
    assert told["top_logprobs"][0] == {"token": "e", "logprob": -2.0, "bytes": [101], "top_logprobs": []}
