from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.policy.guardrails.texts import last, pictures, rewritten, texts, with_last, without_odds

SAID: list[tuple[dict[str, Any], str]] = [
    ({"messages": [{"role": "user", "content": "a"}, {"content": [{"type": "text", "text": "b"}]}]}, "ab"),
    ({"system": "a", "messages": [{"role": "user", "content": [{"type": "tool_result", "content": "b"}]}]}, "ab"),
    ({"messages": [{"content": [{"type": "tool_use", "name": "x", "input": {"name": "a", "deep": ["b"]}}]}]}, "ab"),
    ({"messages": [{"tool_calls": [{"id": "x", "function": {"name": "x", "arguments": "a"}}]}]}, "a"),
    ({"messages": [{"content": [{"type": "document", "source": {"type": "text", "data": "a"}}]}]}, "a"),
    ({"input": "a", "instructions": "b", "text": {"format": {"name": "x", "type": "y"}}}, "ab"),
    ({"input": [{"type": "function_call_output", "call_id": "x", "output": "a"}]}, "a"),
    ({"input": [{"role": "user", "content": [{"type": "input_text", "text": "a"}]}]}, "a"),
    ({"contents": [{"parts": [{"text": "a"}, {"functionCall": {"name": "x", "args": {"id": "b"}}}]}]}, "ab"),
    ({"query": "a", "documents": ["b", {"text": "c"}]}, "abc"),
    ({"prompt": ["a", "b"], "suffix": "c"}, "abc"),
    ({"choices": [{"message": {"content": "a", "reasoning_content": "b", "role": "x"}, "finish_reason": "x"}]}, "ab"),
    ({"content": [{"type": "thinking", "thinking": "a", "signature": "x"}, {"type": "text", "text": "b"}]}, "ab"),
    ({"output": [{"type": "message", "id": "x", "content": [{"type": "output_text", "text": "a"}]}]}, "a"),
    ({"text": "a", "segments": [{"id": 1, "text": "b"}]}, "ab"),
    ({"model": "x", "user": "x", "metadata": {"x": "x"}, "tools": [{"description": "x"}], "input": [[1, 2]]}, ""),
    ({"messages": [{"content": [{"type": "image_url", "image_url": {"url": "data:x"}}]}]}, ""),
    ({"prediction": {"type": "content", "content": "a"}, "chat_template": "b"}, "ab"),
    ({"chat_template_kwargs": {"k": "a", "enable_thinking": True}}, "a"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "said"), SAID)
def test_what_is_said_is_found_and_put_back_in_place(document, said):
    assert "".join(texts(document)) == said
    assert rewritten(document, str) is document
    assert "".join(texts(rewritten(document, str.upper))) == said.upper()
    if said:
        assert rewritten(document, str.upper) is not document


def test_nothing_else_is_touched():
    document = SAID[11][0]
    assert rewritten(document, str.upper) == {
        "choices": [{"message": {"content": "A", "reasoning_content": "B", "role": "x"}, "finish_reason": "x"}]
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "content", "id", "input", "x"]), inner)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["messages", "input", "text", "model"]), JSON))
def test_any_document_keeps_its_shape(document):
    changed = rewritten(document, lambda text: text + "!")
    assert texts(changed) == [text + "!" for text in texts(document)]
    assert rewritten(document, lambda text: text) is document


def test_the_last_message_alone():
    document = {"model": "m", "system": "a", "messages": [{"content": "b"}, {"content": "c"}]}
    assert texts(last(document)) == ["c"]
    end = rewritten(last(document), str.upper)
    assert with_last(document, end) == {"model": "m", "system": "a", "messages": [{"content": "b"}, {"content": "C"}]}
    assert last({"input": "all"}) == {"input": "all"}
    assert with_last({"input": "all", "model": "m"}, {"input": "ALL", "model": "m"}) == {"input": "ALL", "model": "m"}


def test_pictures_in_every_api_s_words():
    document = {
        "messages": [
            {"content": [{"type": "image_url", "image_url": {"url": "data:1"}}]},
            {"content": [{"type": "input_image", "image_url": "data:2"}]},
            {"content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "3"}}]},
        ],
        "contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "4"}}]}],
    }
    assert list(pictures(document)) == ["data:1", "data:2", "data:image/png;base64,3", "data:image/png;base64,4"]


def test_odds_would_say_it_again():
    assert without_odds({"choices": [{"logprobs": {"content": [1]}, "x": [{"logprobs": [1]}]}]}) == {
        "choices": [{"logprobs": None, "x": [{"logprobs": []}]}]
    }
