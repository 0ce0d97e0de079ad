"""Looking at pictures, and marking them, as base64 has them: their pixels are neither decoded nor copied."""

from torana.media.marks.straight.looking import look, put
from torana.media.marks.straight.text import Seen

__all__ = ["Seen", "look", "put"]
