"""The work itself, in a process of its own: texts to vectors. The one place that calls the model."""

import msgspec

from torana.media.job import Made
from torana.providers.local_text.job import Counts, Parameters
from torana.text.sentences import sentences


def embed(params: bytes, sources: list[bytes]) -> Made:
    """The vectors of the texts that the one source holds: single-precision floats, all after one another."""
    asked = msgspec.json.decode(params, type=Parameters)
    texts = msgspec.json.decode(sources[0], type=list[str])
    vectors, tokens = sentences().vectors(texts, most_tokens=asked.most_tokens)
    return Made(msgspec.json.encode(Counts(tuple(tokens))), (vectors.tobytes(),))
