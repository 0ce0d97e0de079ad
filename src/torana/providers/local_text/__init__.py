"""The provider ``local-text``: the embedded model of sentences, in worker processes of our own. No key, no network."""

from torana.providers.base import Declaration
from torana.providers.local_text.reader import MODEL, OPERATIONS, Reader

DECLARATIONS = (
    Declaration(
        type="local-text",
        summary="The embedded model of sentences: texts as vectors, and documents ranked by them, on plain processors.",
        build=lambda _account, _key, lent: Reader(lent),
        abilities={},
        spoken=lambda model: OPERATIONS if model == MODEL else frozenset(),
        spoken_models=(MODEL,),
        extra="local-text",
        alone="local-text",
    ),
)
