"""Saying inside finished pictures that they were made, without decoding them."""

from torana.media.marks.marking import is_signed, mark
from torana.media.marks.xmp import SourceType

__all__ = ["SourceType", "is_signed", "mark"]
