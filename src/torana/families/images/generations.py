"""``POST /images/generations``: words in, pictures out.

Shapes: OpenAI's ``CreateImageRequest`` and ``ImagesResponse``.
"""

from torana.families.base import Family, Form
from torana.families.images import fields
from torana.families.images.reply import REPLY_SCHEMA, Pictures, write_partial, write_pictures
from torana.families.images.request import GENERATE, MAX_MODEL, MAX_PROMPT, ImageRequest, Values, asked

FIELDS = (fields.MODEL, fields.PROMPT, *fields.OPTIONS)
_NAMES = frozenset(field.name for field in FIELDS)
_WISHES = frozenset(field.name for field in fields.WISHES)


def read_generation(form: Form) -> ImageRequest:
    """The typed request of a body; InvalidRequest names the first field that is wrong."""
    values = Values(form, _NAMES)
    values.needed("prompt", longest=MAX_PROMPT)
    return asked(values, operation=GENERATE, model=values.needed("model", longest=MAX_MODEL), wishes=_WISHES)


GENERATIONS: Family[ImageRequest, Pictures] = Family(
    operation=GENERATE,
    method="POST",
    path="/images/generations",
    tag="Image",
    summary="Create Image",
    description="Generates one or more images from a prompt.",
    takes="The prompt and options.",
    gives="Generated images.",
    fields=(),
    json_fields=FIELDS,
    files=frozenset(),
    reply_schema=REPLY_SCHEMA,
    read=read_generation,
    ignored=lambda request: request.unknown,
    write=write_pictures,
    preview=write_partial,
)
