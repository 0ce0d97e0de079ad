from typing import Any

import pytest

from tests.dialects.gemini.kit import CLOUD, PLACE, at
from torana.core.errors import InvalidRequest
from torana.dialects.gemini.media import written
from torana.families.language.words import Media


@pytest.mark.parametrize(
    ("media", "part"),
    [
        (
            Media("image", base64="AAAA", media_type="image/heic"),
            {"inlineData": {"mimeType": "image/heic", "data": "AAAA"}},
        ),
        (Media("image", base64="iVBORw0K"), {"inlineData": {"mimeType": "image/png", "data": "iVBORw0K"}}),
        (Media("image", base64="/9j/4AAQ"), {"inlineData": {"mimeType": "image/jpeg", "data": "/9j/4AAQ"}}),
        (Media("file", base64="AAAA", name="a.pdf"), {"inlineData": {"mimeType": "application/pdf", "data": "AAAA"}}),
        (
            Media("image", url="https://a.example/cat.webp?x=1"),
            {"fileData": {"fileUri": "https://a.example/cat.webp?x=1", "mimeType": "image/webp"}},
        ),
        (
            Media("image", url="https://a.example/cat"),
            {"fileData": {"fileUri": "https://a.example/cat", "mimeType": "image/jpeg"}},
        ),
        (Media("file", file_id="files/abc"), {"fileData": {"fileUri": "https://files.example/v1beta/files/abc"}}),
    ],
)
def test_what_it_can_be_sent(media: Media, part: dict[str, Any]) -> None:
    assert written(media, PLACE, at()) == part


def test_buckets_are_read_where_they_are() -> None:
    film = Media("video", url="gs://bucket/film.mp4")
    assert written(film, CLOUD, at()) == {"fileData": {"fileUri": "gs://bucket/film.mp4", "mimeType": "video/mp4"}}
    with pytest.raises(InvalidRequest, match="not as gs"):
        written(film, PLACE, at())


@pytest.mark.parametrize(
    "media",
    [
        Media("image", url="http://a.example/cat.png"),
        Media("image", url="file:///etc/passwd"),
        Media("image"),
        Media("file", file_id="file-abc"),
        Media("file", base64="AAAA"),
    ],
)
def test_what_it_cannot_be_sent_is_refused(media: Media) -> None:
    with pytest.raises(InvalidRequest) as caught:
        written(media, PLACE, at(operation="responses"))
    assert (caught.value.code, caught.value.param) == ("unsupported_value", "input")


def test_files_are_known_where_they_were_uploaded_alone() -> None:
    with pytest.raises(InvalidRequest, match="not known to the upstream"):
        written(Media("file", file_id="files/abc"), CLOUD, at())
