"""``POST /images/variations``: a picture in, variations out.

Shapes: OpenAI's ``CreateImageVariationRequest`` and ``ImagesResponse``; the extensions are documented on each field.
"""

import base64
import json
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from torana.core.content import OutputFormat, Picture, Size
from torana.core.errors import InvalidImage, InvalidRequest
from torana.core.exchange import Reply, Upload
from torana.families.base import Body, Family, Field, Form, Publish

ResponseFormat = Literal["url", "b64_json"]
T = TypeVar("T", bound=str)

RESPONSE_FORMATS: tuple[ResponseFormat, ...] = ("url", "b64_json")
OUTPUT_FORMATS: tuple[OutputFormat, ...] = ("png", "webp", "jpeg")

DEFAULT_SIZE = Size(1024, 1024)
DEFAULT_STRENGTH = 0.5
MAX_COUNT = 10
MAX_SEED = 2**63 - 1
_MAX_MODEL = 256
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_NUMBER = re.compile(r"\+?([0-9]{1,20}(\.[0-9]{0,20})?|\.[0-9]{1,20})([eE][+-]?[0-9]{1,2})?")
_SIZE = re.compile(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})")
# A multiple of 3, so that pieces of base64 join without padding between them.
_ENCODE_STEP = 48 * 1024


@dataclass(frozen=True, slots=True)
class VariationRequest:
    """A checked request for variations."""

    model: str
    images: tuple[Upload, ...]
    n: int = 1
    size: Size | None = DEFAULT_SIZE
    """None is ``auto``: the model chooses."""
    response_format: ResponseFormat = "url"
    user: str | None = None
    seed: int | None = None
    strength: float | None = None
    """0 is close to the source, 1 is unrelated to it; None is the model's default."""
    output_format: OutputFormat = "png"
    extensions: frozenset[str] = frozenset()
    """Which of our extensions the client sent."""
    unknown: tuple[str, ...] = ()
    """Fields we know nothing of."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """The pictures that were made, and when, in seconds since the Unix epoch."""

    created: int
    pictures: tuple[Picture, ...]


FIELDS = (
    Field(
        "model", {"type": "string", "maxLength": _MAX_MODEL}, "The model to use for image generation.", required=True
    ),
    Field(
        "image",
        {
            "anyOf": [
                {"type": "string", "format": "binary"},
                {"type": "array", "items": {"type": "string", "format": "binary"}, "minItems": 1},
            ]
        },
        "The image(s) to create variations of. Must be a supported image file or an array of images. Supported are "
        "PNG, JPEG, WebP, GIF (first frame), BMP and TIFF. Of several images, the first gives the layout. Send them as "
        "`image`, repeated, or as `image[]`.",
        required=True,
    ),
    Field(
        "n",
        {"type": "integer", "minimum": 1, "maximum": MAX_COUNT, "default": 1},
        "The number of images to generate. Must be between 1 and 10.",
        nullable=True,
    ),
    Field(
        "response_format",
        {"type": "string", "enum": list(RESPONSE_FORMATS), "default": "url"},
        "The format in which generated images are returned. Must be one of url or b64_json.",
        nullable=True,
    ),
    Field(
        "size",
        {"type": "string", "pattern": f"^(auto|{_SIZE.pattern})$", "default": str(DEFAULT_SIZE)},
        "The size of the generated images. `256x256`, `512x512`, `1024x1024`, any `WIDTHxHEIGHT` that the model "
        "can make, or `auto`.",
        nullable=True,
    ),
    Field("user", {"type": "string"}, "A unique identifier representing your end-user.", nullable=True),
    Field(
        "seed",
        {"type": "integer", "minimum": 0, "maximum": MAX_SEED},
        "The same seed and the same request give the same pictures. Without it they differ from call to call.",
        nullable=True,
        extension=True,
    ),
    Field(
        "strength",
        {"type": "number", "minimum": 0, "maximum": 1},
        "How far a variation may go from its source: 0 is a copy, 1 is unrelated. Default: what suits the model best.",
        nullable=True,
        extension=True,
    ),
    Field(
        "output_format",
        {"type": "string", "enum": list(OUTPUT_FORMATS), "default": "png"},
        "The file format of the generated images.",
        nullable=True,
        extension=True,
    ),
)

_NAMES = frozenset(field.name for field in FIELDS)
_EXTENSIONS = frozenset(field.name for field in FIELDS if field.extension)

REPLY_SCHEMA = {
    "type": "object",
    "properties": {
        "created": {"type": "number", "description": "Unix timestamp when the image was generated."},
        "data": {
            "type": "array",
            "description": "Generated images.",
            "items": {
                "type": "object",
                "properties": {
                    "url": {
                        "type": "string",
                        "nullable": True,
                        "description": "Public URL of the image, when response_format is url.",
                    },
                    "b64_json": {
                        "type": "string",
                        "nullable": True,
                        "description": "Base64-encoded image bytes, when response_format is b64_json.",
                    },
                    "revised_prompt": {
                        "type": "string",
                        "nullable": True,
                        "description": "Prompt as used by the model after any safety or expansion rewrites.",
                    },
                },
            },
        },
    },
    "required": ["created", "data"],
}


def read_variation(form: Form) -> VariationRequest:
    """The typed request of a form; InvalidRequest names the first field that is wrong. Empty text counts as absent."""
    values = _single_values(form)
    model = values.get("model")
    if model is None:
        raise InvalidRequest("Missing required parameter: 'model'.", param="model", code="missing_required_parameter")
    if len(model) > _MAX_MODEL:
        raise InvalidRequest(f"'model' has more than {_MAX_MODEL} characters.", param="model")
    images = tuple(upload for name, upload in form.files if name == "image")
    if not images:
        raise InvalidImage(
            "Missing required parameter: 'image'. Send the picture as a file part named 'image'.",
            code="missing_required_parameter",
        )
    return VariationRequest(
        model=model,
        images=images,
        n=_integer(values, "n", low=1, high=MAX_COUNT, default=1),
        size=_size(values.get("size")),
        response_format=_choice(values, "response_format", RESPONSE_FORMATS),
        user=values.get("user"),
        seed=_integer(values, "seed", low=0, high=MAX_SEED) if "seed" in values else None,
        strength=_strength(values.get("strength")),
        output_format=_choice(values, "output_format", OUTPUT_FORMATS),
        extensions=frozenset(values) & _EXTENSIONS,
        unknown=tuple(dict.fromkeys(name for name, _ in form.fields if name not in _NAMES)),
    )


async def write_pictures(request: VariationRequest, reply: Reply[Pictures], publish: Publish) -> Body:
    """OpenAI's ``ImagesResponse``, base64 made on the way out, so that no picture is held twice."""
    pictures = reply.body.pictures
    pieces: list[bytes | Picture] = [b'{"created":%d,"data":[' % reply.body.created]
    for number, picture in enumerate(pictures):
        pieces.append(b"," if number else b"")
        if request.response_format == "url":
            pieces.append(json.dumps({"url": await publish(picture)}).encode())
        else:
            pieces += [b'{"b64_json":"', picture, b'"}']
    pieces.append(b"]}")
    length = sum(len(p) if isinstance(p, bytes) else 4 * ((len(p.data) + 2) // 3) for p in pieces)
    return Body("application/json", length, _encoded(pieces))


async def _encoded(pieces: Sequence[bytes | Picture]) -> AsyncIterator[bytes]:
    for piece in pieces:
        if isinstance(piece, bytes):
            yield piece
        else:
            for chunk in _base64(piece.data):
                yield chunk


def _base64(data: bytes) -> Iterator[bytes]:
    view = memoryview(data)
    for start in range(0, len(data), _ENCODE_STEP):
        yield base64.b64encode(view[start : start + _ENCODE_STEP])


def _single_values(form: Form) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, text in form.fields:
        if name in _NAMES and name in values:
            raise InvalidRequest(f"'{name}' was sent more than once.", param=name, code="duplicate_parameter")
        values[name] = text
    return {name: text.strip() for name, text in values.items() if name in _NAMES and text.strip()}


def _integer(values: dict[str, str], name: str, *, low: int, high: int, default: int = 0) -> int:
    text = values.get(name)
    if text is None:
        return default
    if not _INTEGER.fullmatch(text):
        raise InvalidRequest(
            f"'{name}' must be a whole number between {low} and {high}.", param=name, code="invalid_type"
        )
    if not low <= int(text) <= high:
        raise InvalidRequest(
            f"'{name}' must be between {low} and {high}, not {text}.", param=name, code=_beyond(int(text), low)
        )
    return int(text)


def _beyond(value: float, low: float) -> str:
    return "integer_below_min_value" if value < low else "integer_above_max_value"


def _strength(text: str | None) -> float | None:
    if text is None:
        return None
    if not _NUMBER.fullmatch(text) or not 0 <= float(text) <= 1:
        raise InvalidRequest("'strength' must be a number between 0 (a copy) and 1 (unrelated).", param="strength")
    return float(text)


def _size(text: str | None) -> Size | None:
    if text is None:
        return DEFAULT_SIZE
    if text == "auto":
        return None
    match = _SIZE.fullmatch(text)
    if match is None:
        raise InvalidRequest("'size' must be 'auto' or WIDTHxHEIGHT in pixels, for instance '1024x1024'.", param="size")
    return Size(int(match[1]), int(match[2]))


def _choice(values: dict[str, str], name: str, allowed: tuple[T, ...]) -> T:
    text = values.get(name, allowed[0])
    for choice in allowed:
        if choice == text:
            return choice
    raise InvalidRequest(f"'{name}' must be one of {', '.join(map(repr, allowed))}.", param=name)


VARIATIONS: Family[VariationRequest, Pictures] = Family(
    operation="images.variations",
    method="POST",
    path="/images/variations",
    tag="Image",
    summary="Create Image Variation",
    description="Generates one or more variations of a source image.",
    fields=FIELDS,
    files=frozenset({"image"}),
    reply_schema=REPLY_SCHEMA,
    read=read_variation,
    ignored=lambda request: request.unknown,
    write=write_pictures,
)
