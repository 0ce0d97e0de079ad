import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from torana.text.wordpiece import vocabulary

WORDS = vocabulary()


@pytest.fixture(scope="module")
def usual() -> Tokenizer:
    """The tokenizer that the model was trained with."""
    model = WordPiece(dict(WORDS.numbers), unk_token="[UNK]", max_input_chars_per_word=100)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    return tokenizer


def test_the_vocabulary_is_whole():
    assert len(WORDS.numbers) == 30_522
    assert (WORDS.begin, WORDS.end, WORDS.numbers["[PAD]"], WORDS.numbers["##ing"]) == (101, 102, 0, 2075)


def test_words_that_are_not_known_are_cut_into_pieces():
    names = {number: token for token, number in WORDS.numbers.items()}
    assert [names[number] for number in WORDS.tokens("Unwordable: Zoë's!")] == [
        "un", "##word", "##able", ":", "zoe", "'", "s", "!",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The quick brown fox, it's 3.14% of $5 -- isn't it?",
        "Große Straße; naïve café — “quoted”…",
        "你好, 世界! こんにちは 안녕하세요",
        "tabs\tand\nlines\r\n and\u00a0spaces\u2009\u3000\ufeff\u200bzero\x00\x1f\ufffd",
        "a" * 100 + " " + "a" * 101,
        "emoji \N{SLIGHTLY SMILING FACE}\N{ZERO WIDTH JOINER} i\u0307 İ \ufb01 #tag @you <b>",
        "def f(x): return x**2  # code",
    ],
)
def test_texts_are_cut_as_the_model_was_trained_with(usual, text):
    assert WORDS.tokens(text) == usual.encode(text, add_special_tokens=False).ids


@given(st.text(st.characters(max_codepoint=0x24F, exclude_categories=["Cn"]), max_size=40))
def test_any_text_in_latin_letters_is(text):
    model = WordPiece(dict(WORDS.numbers), unk_token="[UNK]", max_input_chars_per_word=100)
    usual = Tokenizer(model)
    usual.normalizer = BertNormalizer(lowercase=True)
    usual.pre_tokenizer = BertPreTokenizer()
    assert WORDS.tokens(text) == usual.encode(text, add_special_tokens=False).ids
