import pytest

from torana.core.errors import UpstreamError
from torana.dialects.anthropic.replies import OutputDetails, Used, read_answer, read_told
from torana.families.language.saying import Tokens


def test_each_token_is_counted_once() -> None:
    used = Used(10, 50, 3, 4, OutputDetails(20))
    assert used.tokens == Tokens(text_in=10, cached_in=4, cache_write_in=3, text_out=30, reasoning_out=20)
    assert Used(output_tokens=5, output_tokens_details=OutputDetails(9)).tokens == Tokens(reasoning_out=5)


def test_later_words_count_and_silence_does_not() -> None:
    assert Used(10, 1, 3).later(Used(output_tokens=50)) == Used(10, 50, 3)


@pytest.mark.parametrize("data", [b"", b"[]", b'{"content": 5}', b"[" * 9999, b"{}", b'{"type": "error"}'])
def test_what_is_no_message(data: bytes) -> None:
    with pytest.raises(UpstreamError):
        read_answer(data)


@pytest.mark.parametrize("data", [b"", b"[]", b'{"delta": 5}', b"[DONE]"])
def test_what_is_no_event(data: bytes) -> None:
    with pytest.raises(UpstreamError):
        read_told(data)


def test_more_than_we_know_is_let_be() -> None:
    assert read_told(b'{"type": "of_tomorrow", "index": 5, "x": [1]}').type == "of_tomorrow"
    assert read_answer(b'{"content": [{"type": "of_tomorrow", "z": 1}]}').stop_reason is None
