"""The provider ``local``: the embedded engine, in worker processes of our own. No key, no network."""

from torana.providers.base import Declaration
from torana.providers.local.studio import ABILITY, MODEL, Studio

DECLARATIONS = (
    Declaration(
        type="local",
        summary="The embedded engine: photographs re-framed, re-lit and re-graded on plain processors.",
        build=lambda _account, _key, lent: Studio(lent),
        abilities={MODEL: ABILITY},
        warm="torana.providers.local.work:warm",
        extra="engine",
        alone="studio",
    ),
)
