"""OpenAI's embeddings and moderations, straight: the client's body goes out, the upstream's comes back.

Source: OpenAI's API reference and the openai Python client 3.54.0, which asks for base64 unless told otherwise; many
servers that speak as OpenAI does know numbers alone.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw, Struct, structs

from torana.dialects.openai_language import PLAIN, Manner, plain_only
from torana.dialects.steps import Received, unreadable
from torana.dialects.ways import Answered, Asking, At, Way
from torana.families.language.asked import LanguageRequest
from torana.families.language.embeddings import BASE64, EMBED, FLOAT, packed, unpacked
from torana.families.language.moderations import MODERATE


class _Vector(Struct):
    embedding: Raw


class _Vectors(Struct):
    data: list[_Vector]


def vector_ways(manner: Manner = PLAIN) -> Mapping[str, Way]:
    """The ways to vectors and to verdicts, by the family's operation."""
    return {
        EMBED: as_asked(plain_only("/embeddings", manner)),
        MODERATE: plain_only("/moderations", manner, needs="results"),
    }


def as_asked(way: Way) -> Way:
    """The way to vectors, which are rewritten where the upstream does not write them as they were asked for."""

    def asking(request: LanguageRequest, at: At) -> Asking:
        wanted = request.body.get("encoding_format") or FLOAT
        asked = way(request, at)

        def plain(received: Received) -> Answered:
            answered = asked.plain(received)
            written = {
                BASE64 if bytes(vector.embedding).startswith(b'"') else FLOAT for vector in received.read(_Vectors).data
            }
            if wanted not in {FLOAT, BASE64} or written == {wanted}:
                return answered
            return structs.replace(answered, data=_rewritten(answered.data, wanted))

        return structs.replace(asked, plain=plain)

    return asking


WAYS = vector_ways()
"""OpenAI's own."""


def _rewritten(body: bytes, wanted: str) -> bytes:
    """The reply with its vectors in the other form, all else as it is."""
    reply = msgspec.json.decode(body)
    try:
        for item in reply["data"]:
            vector = item["embedding"]
            if isinstance(vector, str) and wanted == FLOAT:
                item["embedding"] = unpacked(vector)
            elif isinstance(vector, list) and wanted == BASE64:
                item["embedding"] = packed(vector)
    except (ValueError, TypeError, OverflowError) as error:
        raise unreadable() from error
    return msgspec.json.encode(reply)
