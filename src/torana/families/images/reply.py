"""What a client gets of pictures: OpenAI's ``ImagesResponse``, written as it leaves."""

import base64
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import cast

from msgspec import Struct

from torana.core.content import Encoded, Picture
from torana.core.exchange import EVENT_STREAM, Partial, Reply
from torana.families.base import Body, Publish
from torana.families.images.request import ImageRequest

# A multiple of 3, so that pieces of base64 join without padding between them.
_ENCODE_STEP = 48 * 1024
_SMALL = 16 * 1024
"""What is cheaper copied than sent by itself."""
_Piece = bytes | memoryview | Picture


class Pictures(Struct, frozen=True):
    """The pictures that were made, and when, in seconds since the Unix epoch."""

    created: int
    pictures: tuple[Picture | Encoded, ...]
    revised_prompts: tuple[str | None, ...] = ()
    """What the model made of the prompt, for each picture; empty where nobody says."""

    @property
    def size(self) -> int:
        """How many bytes they have."""
        return sum([each.size if isinstance(each, Encoded) else len(each.data) for each in self.pictures])


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


async def write_pictures(request: ImageRequest, reply: Reply[Pictures], publish: Publish) -> Body:
    """OpenAI's ``ImagesResponse``, or its events; base64 is made on the way out, so that no picture is held twice."""
    items = [await _item(request, reply.body, number, publish) for number in range(len(reply.body.pictures))]
    pieces: list[_Piece]
    if request.stream:
        pieces = [piece for number, item in enumerate(items, 1) for piece in _event(request, reply, item, number)]
        return _body(EVENT_STREAM, pieces)
    pieces = [b'{"created":%d,"data":[' % reply.body.created]
    for number, item in enumerate(items):
        pieces += [b"," if number else b"", b"{", *item, b"}"]
    usage = _usage(reply)
    pieces.append(b'],"usage":%s}' % json.dumps(usage).encode() if usage else b"]}")
    return _body("application/json", pieces)


async def _item(request: ImageRequest, made: Pictures, number: int, publish: Publish) -> list[_Piece]:
    """The members of one picture's object."""
    picture = made.pictures[number]
    members: list[_Piece]
    if request.response_format == "url" and not request.stream:
        whole = Picture(picture.data, picture.info) if isinstance(picture, Encoded) else picture
        members = [b'"url":' + json.dumps(await publish(whole)).encode()]
    elif isinstance(picture, Encoded):
        members = [b'"b64_json":"', *picture.pieces, b'"']
    else:
        members = [b'"b64_json":"', picture, b'"']
    revised = made.revised_prompts[number] if made.revised_prompts else None
    return members if revised is None else [*members, b',"revised_prompt":' + json.dumps(revised).encode()]


def _event(request: ImageRequest, reply: Reply[Pictures], item: list[_Piece], number: int) -> list[_Piece]:
    """One finished picture as a server-sent event, as OpenAI's clients expect it; the last one tells the usage."""
    name = f"{_stream(request)}.completed".encode()
    usage = _usage(reply) if number == len(reply.body.pictures) else {}
    facts = {
        "created_at": reply.body.created,
        "output_format": request.output_format,
        **_told(request),
        # Clients look for it in every event, and sum up what they find.
        "usage": usage or None,
    }
    tail = json.dumps(facts).encode()
    return [b'event: %s\ndata: {"type":"%s",' % (name, name), *item, b"," + tail[1:], b"\n\n"]


def write_partial(request: ImageRequest, partial: Partial, now: int) -> bytes | None:
    """An unfinished picture as a server-sent event, as OpenAI's clients expect it; ``now`` is in Unix seconds.

    What the upstream says of it goes before what was asked for: it is sent as it was made. None for a client who
    asked for no stream: an operator may have.
    """
    if not request.stream:
        return None
    name = f"{_stream(request)}.partial_image"
    facts = {
        "type": name,
        "b64_json": partial.base64,
        "partial_image_index": partial.index,
        "created_at": now,
        **_told(request),
        "size": partial.size or str(request.size or "auto"),
        "output_format": partial.output_format or request.output_format,
    }
    return f"event: {name}\ndata: {json.dumps(facts)}\n\n".encode()


def _stream(request: ImageRequest) -> str:
    return "image_edit" if request.images else "image_generation"


def _told(request: ImageRequest) -> dict[str, str]:
    wishes = {name: request.wishes.get(name, "auto") for name in ("quality", "background")}
    return {"size": str(request.size or "auto"), **wishes}


def _usage(reply: Reply[Pictures]) -> dict[str, object]:
    """OpenAI's ``usage``; nothing where the upstream counted no tokens."""
    tokens = reply.usage.tokens
    if not tokens:
        return {}
    text, image, made = (tokens.get(kind, 0) for kind in ("text_in", "image_in", "image_out"))
    return {
        "input_tokens": text + image,
        "input_tokens_details": {"text_tokens": text, "image_tokens": image},
        "output_tokens": made,
        "total_tokens": text + image + made,
    }


def _body(media_type: str, pieces: Sequence[_Piece]) -> Body:
    """All of it at once where nothing is left to be encoded; small pieces that follow one another are one."""
    if Picture in map(type, pieces):
        return Body(media_type, sum(map(_length, pieces)), _encoded(pieces))
    ready = cast("Sequence[bytes | memoryview]", pieces)
    if max(map(len, ready), default=0) < _SMALL:
        whole = b"".join(ready)
        return Body(media_type, len(whole), (whole,))
    joined, small = list[bytes | memoryview](), list[bytes | memoryview]()
    for piece in ready:
        if len(piece) < _SMALL:
            small.append(piece)
        else:
            joined += (b"".join(small), piece)
            small = []
    joined.append(b"".join(small))
    return Body(media_type, sum(map(len, joined)), joined)


def _length(piece: _Piece) -> int:
    return 4 * ((len(piece.data) + 2) // 3) if isinstance(piece, Picture) else len(piece)


async def _encoded(pieces: Sequence[_Piece]) -> AsyncIterator[bytes]:
    for piece in pieces:
        if isinstance(piece, Picture):
            for chunk in _base64(piece.data):
                yield chunk
        else:
            yield bytes(piece)


def _base64(data: bytes) -> Iterator[bytes]:
    view = memoryview(data)
    for start in range(0, len(data), _ENCODE_STEP):
        yield base64.b64encode(view[start : start + _ENCODE_STEP])
