"""Pictures: variations, edits, generations."""

from torana.families.images.edits import EDITS
from torana.families.images.generations import GENERATIONS
from torana.families.images.reply import Pictures
from torana.families.images.request import (
    DEFAULT_STRENGTH,
    EDIT,
    GENERATE,
    MAX_SEED,
    OUTPUT_FORMATS,
    VARY,
    ImageRequest,
)
from torana.families.images.variations import VARIATIONS

__all__ = [
    "DEFAULT_STRENGTH",
    "EDIT",
    "EDITS",
    "GENERATE",
    "GENERATIONS",
    "MAX_SEED",
    "OUTPUT_FORMATS",
    "VARIATIONS",
    "VARY",
    "ImageRequest",
    "Pictures",
]
