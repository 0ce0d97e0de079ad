"""``POST /images/variations``: a picture in, variations out.

Shapes: OpenAI's ``CreateImageVariationRequest`` and ``ImagesResponse``; the extensions are documented on each field.
"""

from torana.families.base import Family, Form
from torana.families.images import fields
from torana.families.images.reply import REPLY_SCHEMA, Pictures, write_pictures
from torana.families.images.request import (
    DEFAULT_SIZE,
    MAX_COUNT,
    MAX_MODEL,
    MAX_SEED,
    OUTPUT_FORMATS,
    RESPONSE_FORMATS,
    VARY,
    ImageRequest,
    Values,
    pictures_of,
)

FIELDS = (
    fields.MODEL,
    fields.IMAGE,
    fields.N,
    fields.RESPONSE_FORMAT,
    fields.SIZE_OF_VARIATIONS,
    fields.USER,
    fields.SEED,
    fields.STRENGTH,
    fields.OUTPUT_FORMAT_OF_VARIATIONS,
)
_NAMES = frozenset(field.name for field in FIELDS)
_EXTENSIONS = frozenset(field.name for field in FIELDS if field.extension)


def read_variation(form: Form) -> ImageRequest:
    """The typed request of a form; InvalidRequest names the first field that is wrong. Empty text counts as absent."""
    values = Values(form, _NAMES)
    return ImageRequest(
        operation=VARY,
        model=values.needed("model", longest=MAX_MODEL),
        images=pictures_of(form),
        n=values.integer("n", low=1, high=MAX_COUNT) or 1,
        size=values.size(DEFAULT_SIZE),
        response_format=values.choice("response_format", RESPONSE_FORMATS),
        user=values.found.get("user"),
        seed=values.integer("seed", low=0, high=MAX_SEED),
        strength=values.strength(),
        output_format=values.choice("output_format", OUTPUT_FORMATS),
        extensions=frozenset(values.found) & _EXTENSIONS,
        unknown=values.unknown,
    )


VARIATIONS: Family[ImageRequest, Pictures] = Family(
    operation=VARY,
    method="POST",
    path="/images/variations",
    tag="Image",
    summary="Create Image Variation",
    description="Generates one or more variations of a source image.",
    takes="Source image(s) and variation options.",
    gives="Image variations.",
    fields=FIELDS,
    files=frozenset({"image"}),
    reply_schema=REPLY_SCHEMA,
    read=read_variation,
    ignored=lambda request: request.unknown,
    write=write_pictures,
)
