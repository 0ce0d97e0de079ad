"""The embedded model of sentences as a provider: texts in, vectors out; and documents ranked by their vectors."""

import asyncio
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from operator import mul
from secrets import token_hex

import msgspec

from torana.core.errors import DeadlineExceeded, InvalidRequest, Overloaded, WorkFailed
from torana.core.exchange import Context, Reply, Target, Usage
from torana.families.language.asked import LanguageRequest, Spoken
from torana.families.language.embeddings import EMBED, dimensions_of, texts_of, write_vectors
from torana.families.language.rerank import RERANK, Rank, RerankRequest, Units, write_ranking
from torana.media.job import InMemory, Job, Made
from torana.providers.base import Lent, Operation
from torana.providers.imaging.ability import FREE
from torana.providers.local_text.job import FUNCTION, Counts, Parameters

MODEL = "all-minilm-l6-v2"
OPERATIONS = frozenset({EMBED, RERANK})
WIDTH = 384
MOST_TOKENS = 8192
"""Of one text."""
_TEXTS_OF_A_JOB, _LETTERS_OF_A_JOB = 64, 32_768
"""So that a job takes a second or so, and others have their turn between two."""
_MOST_LETTERS = MOST_TOKENS * 32
"""Of one text: hardly any token has as many, and nobody need count those of a longer one."""
_KNOWN = frozenset({"model", "input", "encoding_format", "dimensions"})


@dataclass(frozen=True, slots=True)
class _Read:
    vectors: tuple[Sequence[float], ...]
    counts: tuple[int, ...]
    """Of tokens, for each text."""

    @property
    def tokens(self) -> int:
        """Of all texts."""
        return sum(self.counts)


class Reader:
    """Answers with the embedded model."""

    def __init__(self, lent: Lent) -> None:
        self._lent = lent
        self.operations: Mapping[str, Operation] = {EMBED: self.embed, RERANK: self.rank}

    async def embed(self, request: LanguageRequest, model: str, context: Context) -> Reply[Spoken]:
        """A vector for each text; InvalidRequest for texts that are too long, and for another width than its own."""
        if dimensions_of(request) not in {None, WIDTH}:
            raise InvalidRequest(
                f"This model's vectors have {WIDTH} numbers.", param="dimensions", code="unsupported_value"
            )
        read = await self._read(texts_of(request), context, param="input")
        data = write_vectors(request, read.vectors, model=model, tokens=read.tokens)
        return Reply(Spoken(data), ignored=tuple(sorted(request.body.keys() - _KNOWN)), usage=_free(read))

    async def rank(self, request: RerankRequest, _model: str, context: Context) -> Reply[Spoken]:
        """The documents by how near their vectors are to the query's: 1 is the same direction, 0 across or opposite."""
        read = await self._read((request.query, *request.texts), context, param="documents")
        query, *documents = read.vectors
        ranks = [
            Rank(index, min(max(sum(map(mul, query, vector)), 0.0), 1.0)) for index, vector in enumerate(documents)
        ]
        data = write_ranking(request, ranks, id=token_hex(12), units=Units(input_tokens=read.tokens))
        return Reply(Spoken(data), emulated=("rerank",), ignored=tuple(sorted(request.further)), usage=_free(read))

    def worst(self, _request: object, _target: Target) -> Decimal | None:
        """Nothing, whatever is asked for."""
        return Decimal(0)

    async def _read(self, texts: Sequence[str], context: Context, *, param: str) -> _Read:
        for index, text in enumerate(texts):
            _check(len(text) <= _MOST_LETTERS, index, param)
        within = min(self._lent.work_deadline, context.within)
        try:
            async with asyncio.timeout(within):
                read = await self._all(texts, context.caller)
        except TimeoutError as error:
            raise DeadlineExceeded(f"The texts could not be read within {within:g} s.") from error
        for index, count in enumerate(read.counts):
            _check(count <= MOST_TOKENS, index, param)
        return read

    async def _all(self, texts: Sequence[str], caller: str) -> _Read:
        params = msgspec.json.encode(Parameters(MOST_TOKENS))
        vectors: list[Sequence[float]] = []
        counts: list[int] = []
        for some in _portions(texts):
            source = InMemory(msgspec.json.encode(some))
            made = await self._made(Job(FUNCTION, params, (source,), caller))
            vectors += _rows(made.blobs[0])
            counts += msgspec.json.decode(made.meta, type=Counts).tokens
        return _Read(tuple(vectors), tuple(counts))

    async def _made(self, job: Job) -> Made:
        try:
            return await self._lent.workers.run(job)
        except Overloaded as error:
            raise Overloaded("The server is busy. Try again later.", retry_after=error.retry_after) from error
        except WorkFailed as error:
            raise WorkFailed("The texts could not be read.") from error


def _portions(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts in their order, as many at a time as make a job."""
    left = iter(texts)
    while portion := list(islice(left, 1)):
        letters = len(portion[0])
        for text in left:
            portion.append(text)
            letters += len(text)
            if len(portion) == _TEXTS_OF_A_JOB or letters >= _LETTERS_OF_A_JOB:
                break
        yield portion


def _rows(blob: bytes) -> list[Sequence[float]]:
    numbers = array("f", blob)
    return [numbers[start : start + WIDTH] for start in range(0, len(numbers), WIDTH)]


def _check(fits: bool, index: int, param: str) -> None:  # noqa: FBT001 - what is checked
    if not fits:
        raise InvalidRequest(
            f"A text has more than {MOST_TOKENS:,} tokens (number {index + 1}). Cut it into several.",
            param=param,
            code="context_length_exceeded",
        )


def _free(read: _Read) -> Usage:
    return Usage(tokens={"text_in": read.tokens}, cost=Decimal(0), price=f"{FREE.source}, {FREE.dated}")
