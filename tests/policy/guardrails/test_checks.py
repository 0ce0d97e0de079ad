from tests.policy.guardrails.kit import REQUEST, matter
from torana.policy.guardrails.checks import no_pictures


def test_a_request_or_its_last_message_is_looked_at_and_changed():
    whole, end = matter(), matter(last_only=True)
    assert (whole.texts, end.texts) == (["first", "last"], ["last"])
    assert end.changed(str.upper) == {
        "model": "m", "messages": [{"role": "user", "content": "first"}, {"role": "user", "content": "LAST"}],
    }  # fmt: skip
    assert whole.changed(lambda text: text) is None
    assert whole.with_document({"a": 1}).request == {"a": 1}


def test_an_answer_stands_beside_its_request():
    answer = {"choices": [{"message": {"content": "x"}, "logprobs": {"content": [{"token": "x"}]}}]}
    beside = matter(answer=answer)
    assert beside.texts == ["x"]
    assert beside.changed(str.upper) == {"choices": [{"message": {"content": "X"}, "logprobs": None}]}
    assert beside.with_document({}).answer == {}
    assert beside.with_document({}).request == REQUEST


async def test_no_pictures_came():
    assert list(await no_pictures()) == []
