"""What the reader tells its workers, as it crosses to another process."""

from msgspec import Struct

FUNCTION = "torana.providers.local_text.work:embed"


class Parameters(Struct, frozen=True):
    """How texts are to be read; they come as the one source, a list in JSON."""

    most_tokens: int
    """Of one text."""


class Counts(Struct, frozen=True):
    """How many tokens each text has; its vector is made only if they are not too many."""

    tokens: tuple[int, ...]
