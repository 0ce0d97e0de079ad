"""The fields of requests for pictures, as the contract and our OpenAPI document describe them."""

from collections.abc import Mapping
from typing import Any

from torana.families.base import Field
from torana.families.images.request import (
    DEFAULT_SIZE,
    MAX_COUNT,
    MAX_MODEL,
    MAX_PROMPT,
    MAX_SEED,
    OUTPUT_FORMATS,
    RESPONSE_FORMATS,
    SIZE,
    WORDS,
)

_FILE = {"type": "string", "format": "binary"}
_FILES = {"anyOf": [_FILE, {"type": "array", "items": _FILE, "minItems": 1}]}


def _words(name: str) -> Mapping[str, Any]:
    return {"type": "string", "enum": list(WORDS[name])}


MODEL = Field(
    "model", {"type": "string", "maxLength": MAX_MODEL}, "The model to use for image generation.", required=True
)
IMAGE = Field(
    "image",
    _FILES,
    "The image(s) to create variations of. Must be a supported image file or an array of images. Supported are "
    "PNG, JPEG, WebP, GIF (first frame), BMP and TIFF. Of several images, the first gives the layout. Send them as "
    "`image`, repeated, or as `image[]`.",
    required=True,
)
EDITED = Field("image", _FILES, "The image(s) to edit: `image`, repeated, or `image[]`. Formats as for variations.")
IMAGES = Field(
    "images",
    {
        "type": "array",
        "items": {"type": "object", "properties": {"image_url": {"type": "string"}}, "required": ["image_url"]},
        "minItems": 1,
    },
    "The image(s) to edit, each with a `data:` URI as its `image_url`.",
)
MASK = Field("mask", _FILE, "A picture as large as the first image: what is transparent in it is to be edited.")
PROMPT = Field("prompt", {"type": "string", "maxLength": MAX_PROMPT}, "What the pictures are to show.", required=True)
INSTRUCTION = Field(
    "prompt",
    {"type": "string", "maxLength": MAX_PROMPT},
    "What is to be changed. The embedded engine takes none; every other model needs one.",
    nullable=True,
)
N = Field(
    "n",
    {"type": "integer", "minimum": 1, "maximum": MAX_COUNT, "default": 1},
    "The number of images to generate. Must be between 1 and 10.",
    nullable=True,
)
RESPONSE_FORMAT = Field(
    "response_format",
    {"type": "string", "enum": list(RESPONSE_FORMATS), "default": "url"},
    "The format in which generated images are returned. Must be one of url or b64_json.",
    nullable=True,
)
_SIZE_TEXT = (
    "The size of the generated images. `256x256`, `512x512`, `1024x1024`, any `WIDTHxHEIGHT` that the model "
    "can make, or `auto`."
)
SIZE_OF_VARIATIONS = Field(
    "size",
    {"type": "string", "pattern": f"^(auto|{SIZE.pattern})$", "default": str(DEFAULT_SIZE)},
    _SIZE_TEXT,
    nullable=True,
)
SIZE_OR_AUTO = Field(
    "size",
    {"type": "string", "pattern": f"^(auto|{SIZE.pattern})$", "default": "auto"},
    _SIZE_TEXT,
    nullable=True,
)
USER = Field("user", {"type": "string"}, "A unique identifier representing your end-user.", nullable=True)
SEED = Field(
    "seed",
    {"type": "integer", "minimum": 0, "maximum": MAX_SEED},
    "The same seed and the same request give the same pictures. Without it they differ from call to call.",
    nullable=True,
    extension=True,
)
STRENGTH = Field(
    "strength",
    {"type": "number", "minimum": 0, "maximum": 1},
    "How far a variation may go from its source: 0 is a copy, 1 is unrelated. Default: what suits the model best.",
    nullable=True,
    extension=True,
)
_OUTPUT_FORMAT = {"type": "string", "enum": list(OUTPUT_FORMATS), "default": "png"}
_OUTPUT_FORMAT_TEXT = "The file format of the generated images."
OUTPUT_FORMAT = Field("output_format", _OUTPUT_FORMAT, _OUTPUT_FORMAT_TEXT, nullable=True)
OUTPUT_FORMAT_OF_VARIATIONS = Field("output_format", _OUTPUT_FORMAT, _OUTPUT_FORMAT_TEXT, nullable=True, extension=True)
STREAM = Field(
    "stream", {"type": "boolean", "default": False}, "Send each picture as a server-sent event.", nullable=True
)
PARTIAL_IMAGES = Field(
    "partial_images",
    {"type": "integer", "minimum": 0, "maximum": 3, "default": 0},
    "How many unfinished pictures to stream at most, each as the model made it; none come where it shows none.",
    nullable=True,
)
WISHES = (
    Field("quality", _words("quality"), "How good.", nullable=True),
    Field("background", _words("background"), "Of the pictures.", nullable=True),
    Field("output_compression", {"type": "integer", "minimum": 0, "maximum": 100}, "For JPEG and WebP.", nullable=True),
    Field("moderation", _words("moderation"), "How strict the upstream's moderation is.", nullable=True),
    Field("style", _words("style"), "Of models that know styles.", nullable=True),
    Field("input_fidelity", _words("input_fidelity"), "How closely the images' features are kept.", nullable=True),
    Field(
        "negative_prompt",
        {"type": "string", "maxLength": MAX_PROMPT},
        "What not to show.",
        nullable=True,
        extension=True,
    ),
)
"""Fields that some models understand; the others leave them out, and the reply says so."""
OPTIONS = (N, RESPONSE_FORMAT, SIZE_OR_AUTO, USER, OUTPUT_FORMAT, STREAM, PARTIAL_IMAGES, *WISHES, SEED)
"""What edits and generations have in common."""
