import io

import msgspec
import pytest

from tests.media.samples import encoded, picture, turned
from torana.core.content import OutputFormat, Size
from torana.core.errors import InvalidImage
from torana.media.jobs.fitter import fit_picture
from torana.media.jobs.fitting import Fitting
from torana.media.probe import probe


def params(output_format: OutputFormat = "png", max_pixels: int = 1_000) -> bytes:
    return msgspec.msgpack.encode(Fitting(64, 48, output_format, max_pixels))


@pytest.mark.parametrize("output_format", ["png", "webp", "jpeg"])
def test_fits_and_encodes(output_format):
    made = fit_picture(params(output_format), [turned("JPEG", 6)])

    (data,) = made.blobs
    found = probe(io.BytesIO(data), max_pixels=64 * 48)
    assert (found.format, found.size) == (output_format, Size(64, 48))


def test_the_limit_holds_for_the_source():
    with pytest.raises(InvalidImage, match="limit is 850"):
        fit_picture(params(max_pixels=850), [encoded(picture(), "PNG")])
