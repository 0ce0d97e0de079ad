"""Pictures, sounds, films and documents as Gemini is sent them: their bytes, or where it may fetch them."""

import mimetypes
from collections.abc import Mapping
from urllib.parse import urlsplit

from torana.core.errors import InvalidRequest
from torana.dialects.gemini.place import Place, named
from torana.dialects.ways import At
from torana.families.language.words import Media

_FIRST: tuple[tuple[str, str], ...] = (
    ("/9j/", "image/jpeg"), ("iVBOR", "image/png"), ("UklGR", "image/webp"), ("R0lGOD", "image/gif"),
    ("JVBERi", "application/pdf"),
)  # fmt: skip
"""How base64 of each kind begins."""
_USUAL: Mapping[str, str] = {
    "image": "image/jpeg",
    "audio": "audio/mpeg",
    "video": "video/mp4",
    "file": "application/pdf",
}
"""What a thing is taken for whose address does not tell."""


def written(media: Media, place: Place, at: At) -> dict[str, object]:
    """It as a part; InvalidRequest for one that Gemini cannot be sent."""
    if media.base64 is not None:
        return {"inlineData": {"mimeType": media.media_type or _sniffed(media, at), "data": media.base64}}
    uri, kind = _address(media, place, at)
    return {"fileData": {"fileUri": uri} | ({"mimeType": kind} if kind else {})}


def _address(media: Media, place: Place, at: At) -> tuple[str, str | None]:
    if media.file_id is not None:
        if place.files is None or not media.file_id.startswith("files/"):
            raise _refused(f"The file '{media.file_id[:100]}' is not known to the upstream; send its content.", at)
        return place.files + media.file_id, media.media_type
    url = media.url or ""
    scheme = urlsplit(url).scheme
    if scheme != "https" and not (scheme == "gs" and place.buckets):
        taken = "base64, an https address or a gs:// address" if place.buckets else "base64 or an https address"
        raise _refused(f"The upstream takes a {media.medium} as {taken}, not as {scheme or 'nothing'}.", at)
    return url, media.media_type or mimetypes.guess_type(urlsplit(url).path)[0] or _USUAL[media.medium]


def _sniffed(media: Media, at: At) -> str:
    told = mimetypes.guess_type(media.name)[0] if media.name else None
    found = told or next((kind for first, kind in _FIRST if (media.base64 or "").startswith(first)), None)
    if found is None:
        raise _refused(f"The {media.medium} does not say its media type.", at)
    return found


def _refused(message: str, at: At) -> InvalidRequest:
    return InvalidRequest(message, param=named(at, "messages"), code="unsupported_value")
