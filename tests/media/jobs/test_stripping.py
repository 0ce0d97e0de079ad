import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from torana.core.content import Size
from torana.media.jobs.stripping import stripped
from torana.media.probe import probe

SIZE = Size(40, 30)


def jpeg(mode: str = "RGB", **saving: object) -> bytes:
    file = io.BytesIO()
    picture = Image.radial_gradient("L").resize((SIZE.width, SIZE.height)).convert(mode)
    picture.save(file, "JPEG", **saving)
    return file.getvalue()


def exif(**tags: int | str) -> bytes:
    found = Image.Exif()
    for tag, value in {"Make": 0x010F, "Orientation": 0x0112}.items():
        if tag in tags:
            found[value] = tags[tag]
    return found.tobytes()


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


@pytest.mark.parametrize(
    "data",
    [
        jpeg(),
        jpeg("L"),
        jpeg(progressive=True, comment=b"who"),
        jpeg(exif=exif(Make="who")),
        jpeg(icc_profile=SRGB, exif=exif(Make="who"), comment=b"who"),
        jpeg() + b"who",
        jpeg() + jpeg(exif=exif(Make="who")),
        jpeg(progressive=True).replace(b"\xff\xda", b"\xff\xfe\0\5who\xff\xda"),
    ],
)
def test_its_pixels_stay_and_nothing_tells_of_its_maker(data: bytes) -> None:
    bare = stripped(data, SIZE)
    assert bare is not None
    assert b"who" not in bare
    assert probe(io.BytesIO(bare), max_pixels=10**6).bare
    with Image.open(io.BytesIO(data)) as before, Image.open(io.BytesIO(bare)) as after:
        assert before.tobytes() == after.tobytes()
        assert set(after.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "progressive", "progression"}


@pytest.mark.parametrize(
    "data",
    [
        jpeg(exif=exif(Orientation=6)),
        jpeg(exif=exif(Orientation=3)),
        jpeg(icc_profile=LAB),
        jpeg("CMYK"),
        jpeg()[:-2],
        b"",
        b"\xff\xd8",
        b"\xff\xd8\xff\xe1\0",
    ],
)
def test_what_would_look_other_or_is_odd_is_left_to_others(data: bytes) -> None:
    assert stripped(data, SIZE) is None


@given(st.integers(2, 400), st.binary(min_size=1, max_size=4))
def test_damage_is_met_with_none_or_with_a_picture(at: int, damage: bytes) -> None:
    data = bytearray(jpeg(exif=exif(Make="who")))
    data[at : at + len(damage)] = damage
    bare = stripped(bytes(data), SIZE)
    assert bare is None or probe(io.BytesIO(bare), max_pixels=10**6).bare
