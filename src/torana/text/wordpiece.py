"""Cuts texts into the tokens of BERT's uncased models: words, and pieces of words that are not in the vocabulary.

Source: Devlin et al., "BERT", and Wu et al., "Google's Neural Machine Translation System", section 4.1.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

_UNKNOWN, _BEGIN, _END = "[UNK]", "[CLS]", "[SEP]"
_LONGEST_WORD = 100
_IDEOGRAPHS = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)
"""Characters that are words by themselves."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Every token and its number."""

    numbers: Mapping[str, int]

    @property
    def begin(self) -> int:
        """The token before each sequence."""
        return self.numbers[_BEGIN]

    @property
    def end(self) -> int:
        """The token after each sequence."""
        return self.numbers[_END]

    def tokens(self, text: str) -> list[int]:
        """The tokens of a text, without those that begin and end a sequence."""
        return [number for word in _words(text) for number in self._pieces(word)]

    def _pieces(self, word: str) -> list[int]:
        """The longest pieces from the left that are known; one unknown token where there is a piece that is not."""
        unknown = [self.numbers[_UNKNOWN]]
        if len(word) > _LONGEST_WORD:
            return unknown
        found: list[int] = []
        start = 0
        while start < len(word):
            mark = "##" if start else ""
            ends = range(len(word), start, -1)
            end = next((end for end in ends if mark + word[start:end] in self.numbers), start)
            if end == start:
                return unknown
            found.append(self.numbers[mark + word[start:end]])
            start = end
        return found


@lru_cache(1)
def vocabulary() -> Vocabulary:
    """The one that comes along."""
    written = files("torana.text").joinpath("vocabulary.txt").read_text(encoding="utf-8")
    return Vocabulary({token: number for number, token in enumerate(written.rstrip("\n").split("\n"))})


def _words(text: str) -> Iterator[str]:
    """Words and signs, in small letters without accents."""
    spaced = "".join(map(_separated, text))
    bare = "".join(c for c in unicodedata.normalize("NFD", spaced) if unicodedata.category(c) != "Mn").lower()
    for word in bare.split():
        yield from _apart(word)


def _separated(character: str) -> str:
    """A character as it counts: nothing where it is none to be seen, with room about it where it is a word."""
    if character in "\t\n\r":
        return " "
    if character == "\ufffd" or unicodedata.category(character) in {"Cc", "Cf", "Co"}:
        return ""
    if character.isspace():
        return " "
    code = ord(character)
    if any(first <= code <= last for first, last in _IDEOGRAPHS):
        return f" {character} "
    return character


def _apart(word: str) -> Iterator[str]:
    """A word, its signs by themselves."""
    letters: list[str] = []
    for character in word:
        if not _is_sign(character):
            letters.append(character)
            continue
        if letters:
            yield "".join(letters)
            letters.clear()
        yield character
    if letters:
        yield "".join(letters)


def _is_sign(character: str) -> bool:
    ascii_sign = character.isascii() and not character.isalnum() and not character.isspace()
    return ascii_sign or unicodedata.category(character).startswith("P")
