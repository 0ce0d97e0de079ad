"""The provider ``local``: the embedded engine, in worker processes of our own. No key, no network."""

from torana.families.images import VARIATIONS
from torana.providers.base import Declaration
from torana.providers.local.studio import MODEL, Studio

DECLARATIONS = (
    Declaration(
        type="local",
        summary="The embedded engine: photographs re-framed, re-lit and re-graded on plain processors.",
        operations=frozenset({VARIATIONS.operation}),
        build=lambda _account, _key, lent: Studio(lent),
        models=(MODEL,),
        warm="torana.providers.local.work:warm",
        extra="engine",
        alone="studio",
    ),
)
