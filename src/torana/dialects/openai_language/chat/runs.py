"""Runs of a stream's events that differ in their words alone: what one of them is, all of them are."""

import msgspec
from msgspec import Struct

_AFTER = b"\n\n"
_read_words = msgspec.json.Decoder(list[str]).decode


class Run(Struct, frozen=True, gc=False):
    """Where in a block a run begins and ends, and how many bytes of words it has."""

    start: int = 0
    end: int = 0
    said: int = 0


NONE = Run()


class Shape(Struct, frozen=True, gc=False):
    """All of an event but its words: what stands before them, up to their quote, and what comes after, its end too."""

    before: bytes
    after: bytes
    between: bytes
    """From the words of one such event to those of the next."""
    index: int
    """Of the answer that the words belong to."""
    start: int
    stop: int
    """Where the words of such an event begin and, counted from its end, end."""
    around: int
    """Bytes of it that are no words."""

    def words_in(self, block: bytes) -> int | None:
        """Bytes of words of a block that is such a run from its first byte to its last; None for any other."""
        if len(block) < self.around or not (block.startswith(self.before) and block.endswith(self.after)):
            return None
        told = block[self.start : self.stop]
        said, more = len(told), told.count(self.between)
        if more:
            said -= more * len(self.between)
            told = told.replace(self.between, b'"\n,"')
        # Words may hold anything that looks like an end. As no text has a line's end in it, here none runs into the
        # next; so there are as many texts as events where each event has one, and more where one has more.
        try:
            texts = _read_words(b'["%s"]' % told)
        except ValueError:
            return None
        return said if len(texts) == more + 1 else None

    def run_in(self, block: bytes) -> Run | None:
        """The run from the first such event in a block to the last; None where there is none, or others between."""
        start, last = block.find(self.before), block.rfind(self.after)
        end = last + len(self.after)
        if start < 0 or last < start + len(self.before) or (start and not block.endswith(_AFTER, 0, start)):
            return None
        said = self.words_in(block[start:end])
        return None if said is None else Run(start, end, said)


def shape_of(event: bytes, words: bytes, index: int) -> Shape | None:
    """The shape of an event, its end included, whose ``words`` are a text in JSON; None where they cannot be found."""
    place = event.find(words)
    if not words.startswith(b'"') or place < 0 or event.count(words) > 1:
        return None
    before, after = event[: place + 1], event[place + len(words) - 1 :]
    return Shape(before, after, after + before, index, len(before), -len(after), len(before) + len(after))
