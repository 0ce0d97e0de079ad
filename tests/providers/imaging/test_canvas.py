import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torana.core.content import Size
from torana.providers.imaging.canvas import AnySize, AsSource, Canvas, Chosen, Listed, Ratios, Shaped, Stepped

SIDES = st.integers(1, 6000)
SIZES = st.builds(Size, SIDES, SIDES)


@given(SIZES)
def test_any_size_is_itself(size: Size) -> None:
    assert AnySize().nearest(size).size == size


@pytest.mark.parametrize(
    ("wanted", "nearest"),
    [("1024x1024", "1024x1024"), ("256x256", "512x512"), ("1920x1080", "1536x1024"), ("300x900", "1024x1536")],
)
def test_a_listed_size_has_the_nearest_shape_then_the_nearest_area(wanted: str, nearest: str) -> None:
    sizes = tuple(map(sized, ("512x512", "1024x1024", "1536x1024", "1024x1536")))
    assert str(Listed(sizes).nearest(sized(wanted)).size) == nearest


def sized(text: str) -> Size:
    width, _, height = text.partition("x")
    return Size(int(width), int(height))


CANVASES = [
    Stepped(step=16, least=512, most=3840, least_pixels=1024 * 1024, most_pixels=3840 * 2160, steepest=3.0),
    Stepped(step=8, least=32, most=1536),
    Stepped(step=16, least=64, most=4096, most_pixels=4_000_000),
    Stepped(step=64, least=256, most=1440),
    Stepped(step=64, least=512, most=2048, least_pixels=900_000, most_pixels=1_600_000, steepest=2.5),
]


@given(SIZES, st.sampled_from(CANVASES))
def test_a_stepped_size_keeps_all_bounds(wanted: Size, canvas: Stepped) -> None:
    size = canvas.nearest(wanted).size
    assert size is not None
    sides = (size.width, size.height)
    assert all(side % canvas.step == 0 for side in sides)
    assert canvas.least <= min(sides)
    assert max(sides) <= canvas.most
    assert canvas.least_pixels <= size.pixels <= canvas.most_pixels
    assert max(sides) / min(sides) <= canvas.steepest


@given(st.integers(512, 1400), st.integers(512, 1400))
def test_a_stepped_size_within_bounds_is_near_the_wanted(width: int, height: int) -> None:
    size = Stepped(step=8, least=64, most=1536).nearest(Size(width, height)).size
    assert size is not None
    assert abs(size.width - width) <= 8
    assert abs(size.height - height) <= 8


@pytest.mark.parametrize(
    ("wanted", "ratio", "resolution"),
    [("256x256", "1:1", "1K"), ("1920x1080", "16:9", "2K"), ("1000x1500", "2:3", "2K"), ("5000x5000", "1:1", "4K")],
)
def test_a_ratio_is_the_nearest_and_its_resolution_enough(wanted: str, ratio: str, resolution: str) -> None:
    resolutions = (("1K", 1024**2), ("2K", 2048**2), ("4K", 4096**2))
    chosen = Ratios(("1:1", "2:3", "3:2", "16:9", "9:16"), resolutions).nearest(sized(wanted))
    assert (chosen.size, chosen.ratio, chosen.resolution) == (None, ratio, resolution)


@given(SIZES)
def test_the_nearest_ratio_is_nearer_than_any_other(wanted: Size) -> None:
    ratios = ("1:1", "3:4", "4:3", "9:16", "16:9", "21:9")
    chosen = Ratios(ratios).nearest(wanted).ratio
    assert chosen is not None

    def apart(written: str) -> float:
        width, height = map(int, written.split(":"))
        return abs(math.log(width / height * wanted.height / wanted.width))

    assert apart(chosen) <= min(map(apart, ratios)) + 0.02


def test_where_the_result_has_the_sources_size_the_source_is_brought_there() -> None:
    chosen = AsSource(Stepped(step=64, least=256, most=1024)).nearest(Size(700, 300))
    assert (chosen.size, chosen.ratio, str(chosen.source)) == (None, None, "704x320")


def test_a_picture_may_be_drawn_to_one_measure_and_changed_to_another() -> None:
    chosen = Shaped(Ratios(("1:1", "2:1")), Stepped(step=64, least=256, most=1024)).nearest(Size(700, 300))
    assert (chosen.size, chosen.ratio, str(chosen.source)) == (None, "2:1", "704x320")


SMALL, LARGE = Size(512, 512), Size(1024, 1536)
RESOLUTIONS = Ratios(("1:1",), (("1K", 1024**2), ("2K", 2048**2)))


@pytest.mark.parametrize(
    ("canvas", "small", "unsaid"),
    [
        (AnySize(), SMALL.pixels, None),
        (Listed((SMALL, LARGE)), SMALL.pixels, LARGE.pixels),
        (Stepped(step=16, least=64, most=2048), SMALL.pixels, 2048**2),
        (Stepped(step=16, least=64, most=2048, most_pixels=3_000_000), SMALL.pixels, 3_000_000),
        (RESOLUTIONS, 1024**2, 2048**2),
        (Ratios(("1:1",)), None, None),
        (AsSource(Stepped(step=16, least=64, most=2048)), SMALL.pixels, 2048**2),
        (Shaped(Listed((SMALL,)), Listed((SMALL, LARGE))), SMALL.pixels, LARGE.pixels),
        (Shaped(Ratios(("1:1",)), Listed((SMALL,))), None, None),
    ],
)
def test_a_picture_has_the_pixels_that_were_chosen_and_else_the_most_there_can_be(
    canvas: Canvas, small: int | None, unsaid: int | None
) -> None:
    assert canvas.pixels(canvas.nearest(SMALL)) == small
    assert canvas.pixels(Chosen()) == unsaid
