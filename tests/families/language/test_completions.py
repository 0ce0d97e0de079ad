import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import Completion

from tests.families.language.written import whole
from torana.core.errors import InvalidRequest
from torana.core.exchange import Reply
from torana.families.language.asked import LanguageRequest, Spoken
from torana.families.language.chat.folding import chunks
from torana.families.language.completions import COMPLETIONS, VOICE, hear_prompt, parse, tell, teller
from torana.families.language.saying import Delta, PartBegun, Said, Tokens, Utterance, unfold
from torana.families.language.voice import Occasion
from torana.families.language.words import Reasoning, Refusal, Sampling, Text, ToolCall, Turn

USAGE = {"stream_options": {"include_usage": True}}


def raw(**members):
    return json.dumps({"model": "m", "prompt": "Once", **members}).encode()


def occasion(**members):
    return Occasion(parse(raw(**members)), 1700000000, "abc", "upstreams")


def streamed(happenings, **members):
    telling = teller(occasion(**members))
    return [*(frame for happening in happenings for frame in telling.tell(happening)), *telling.close()]


@pytest.mark.parametrize("prompt", ["Once", "", ["a", "b"], [1, 2], [[1, 2], [3]]])
def test_a_request(prompt):
    request = parse(raw(prompt=prompt, suffix="end", stream=True))
    assert (request.operation, request.stream, request.body["prompt"]) == ("completions", True, prompt)


@pytest.mark.parametrize(
    ("members", "param"),
    [({"prompt": None}, "prompt"), ({"prompt": []}, "prompt"), ({"prompt": 7}, "prompt"), ({"n": "2"}, "n"),
     ({"stream_options": 1}, "stream_options")],
)  # fmt: skip
def test_requests_that_make_no_sense(members, param):
    with pytest.raises(InvalidRequest) as refused:
        parse(raw(**members))
    assert refused.value.param == param


@pytest.mark.parametrize("prompt", ["Once", ["Once"], [["Once"]]])
def test_a_prompt_is_what_a_user_says(prompt):
    conversation = hear_prompt(parse(raw(prompt=prompt, max_tokens=9, stop="x", echo=False, best_of=1, new=1)))
    assert conversation.turns == (Turn("user", (Text("Once"),)),)
    assert conversation.sampling == Sampling(max_tokens=9, stop=("x",))
    assert conversation.unheard == ("new",)


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"prompt": ["a", "b"]}, "unsupported_value"), ({"prompt": [1, 2]}, "unsupported_value"),
        ({"prompt": [[1]]}, "unsupported_value"), ({"echo": True}, "unsupported_parameter"),
        ({"best_of": 2}, "unsupported_parameter"), ({"suffix": "end"}, "unsupported_parameter"),
        ({"logprobs": 0}, "unsupported_parameter"),
    ],
)  # fmt: skip
def test_what_no_chat_can_do(members, code):
    with pytest.raises(InvalidRequest) as refused:
        hear_prompt(parse(raw(**members)))
    assert (refused.value.param, refused.value.code) == (next(iter(members)), code)


def test_a_whole_answer():
    parts = (Reasoning("Hm."), Text(" upon"), Text(" a time"))
    told = json.loads(tell(Utterance((Said(parts, "length"),), None, "theirs", Tokens(3, text_out=4)), occasion()))
    Completion.model_validate(told)
    assert told["choices"] == [{"text": " upon a time", "index": 0, "logprobs": None, "finish_reason": "length"}]
    assert (told["id"], told["object"], told["model"]) == ("cmpl-abc", "text_completion", "theirs")
    assert told["usage"]["total_tokens"] == 7


def test_thoughts_and_calls_are_not_words():
    happenings = [PartBegun(Reasoning()), Delta("Hm."), PartBegun(ToolCall("c", "f", "")), Delta("{}")]
    assert streamed(happenings) == [b"data: [DONE]\n\n"]


def test_answers_that_come_side_by_side():
    happenings = [PartBegun(Reasoning(), 0), PartBegun(Text(""), 1), Delta("x", 0), Delta("y", 1)]
    assert [chunk["choices"][0]["text"] for chunk in chunks(streamed(happenings))] == ["y"]


PARTS = st.one_of(*(st.builds(kind, st.text(min_size=1)) for kind in (Text, Refusal, Reasoning)))
SAID = st.builds(Said, st.lists(PARTS, max_size=4).map(tuple), st.sampled_from(["end", "length", "tool", "filter"]))


@given(st.lists(SAID, min_size=1, max_size=3))
def test_folding_a_stream_gives_the_whole_answer(answers):
    utterance = Utterance(tuple(answers), None, "theirs", Tokens(3, text_out=4))
    frames = streamed(unfold(utterance), stream=True, **USAGE)
    for chunk in chunks(frames):
        # Of a piece that is not the last, OpenAI's own type says nothing.
        Completion.model_construct(**chunk)
        assert chunk["object"] == "text_completion"
    assert COMPLETIONS.fold is not None
    folded = COMPLETIONS.fold(occasion().request, frames)
    assert json.loads(folded.data) == json.loads(tell(utterance, occasion()))


async def test_a_whole_answer_as_events():
    async def publish(_picture):
        raise NotImplementedError

    request = parse(raw(stream=True))
    answer = tell(Utterance((Said((Text("a"),)),), None, "theirs"), occasion())
    body = await COMPLETIONS.write(request, Reply(Spoken(answer)), publish)
    data = whole(body)
    assert data.endswith(b"data: [DONE]\n\n")
    assert COMPLETIONS.fold is not None
    assert json.loads(COMPLETIONS.fold(request, [data]).data) == json.loads(answer)


def test_the_family():
    assert COMPLETIONS.paths == ("/completions", "/v1/completions")
    assert VOICE.hear(parse(raw())).turns == (Turn("user", (Text("Once"),)),)
    assert COMPLETIONS.ignored(LanguageRequest("completions", "m", {}, b"")) == ()
