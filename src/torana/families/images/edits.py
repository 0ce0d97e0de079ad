"""``POST /images/edits``: pictures and words in, changed pictures out.

Shapes: OpenAI's ``CreateImageEditRequest``, as a form or as JSON with ``data:`` URIs, and ``ImagesResponse``.
"""

from torana.core.errors import InvalidRequest
from torana.families.base import Family, Form
from torana.families.images import fields
from torana.families.images.reply import REPLY_SCHEMA, Pictures, write_partial, write_pictures
from torana.families.images.request import EDIT, MAX_MODEL, ImageRequest, Values, asked, pictures_of

FIELDS = (fields.MODEL, fields.EDITED, fields.INSTRUCTION, fields.MASK, *fields.OPTIONS, fields.STRENGTH)
JSON_FIELDS = (fields.MODEL, fields.IMAGES, fields.INSTRUCTION, *fields.OPTIONS, fields.STRENGTH)
_NAMES = frozenset(field.name for field in FIELDS)
_HOW = "Send the picture as a file part named 'image', or in JSON as 'images': [{\"image_url\": \"data:...\"}]."
_WISHES = frozenset(field.name for field in fields.WISHES)


def read_edit(form: Form) -> ImageRequest:
    """The typed request of a form; InvalidRequest names the first field that is wrong."""
    values = Values(form, _NAMES)
    masks = [upload for name, upload in form.files if name == "mask"]
    if len(masks) > 1:
        raise InvalidRequest("'mask' was sent more than once.", param="mask", code="duplicate_parameter")
    return asked(
        values,
        operation=EDIT,
        model=values.needed("model", longest=MAX_MODEL),
        images=pictures_of(form, _HOW),
        mask=next(iter(masks), None),
        wishes=_WISHES,
    )


EDITS: Family[ImageRequest, Pictures] = Family(
    operation=EDIT,
    method="POST",
    path="/images/edits",
    tag="Image",
    summary="Create Image Edit",
    description="Changes one or more images as the prompt says.",
    takes="Source image(s), what to change, and options.",
    gives="Edited images.",
    fields=FIELDS,
    json_fields=JSON_FIELDS,
    files=frozenset({"image", "mask"}),
    reply_schema=REPLY_SCHEMA,
    read=read_edit,
    ignored=lambda request: request.unknown,
    write=write_pictures,
    preview=write_partial,
)
