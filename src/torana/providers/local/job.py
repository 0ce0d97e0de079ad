"""What the studio tells its workers of one picture, as it crosses to another process."""

from msgspec import Struct

from torana.core.content import OutputFormat

FUNCTION = "torana.providers.local.work:vary"


class Parameters(Struct, frozen=True):
    """One variation, the one at ``index`` of ``n``."""

    width: int
    height: int
    seed: int
    index: int
    n: int
    strength: float
    output_format: OutputFormat
    max_pixels: int
    """Of one source; more are refused before they are decoded."""
