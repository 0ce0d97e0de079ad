import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from torana.core.content import Size
from torana.core.errors import InvalidRequest
from torana.providers.sizes import MAX_PIXELS, MAX_SIDE, MIN_SIDE, chosen_size

SOURCE = Size(640, 480)
SIDES = st.integers(1, 200_000)


@pytest.mark.parametrize("asked", [Size(16, 16), Size(4096, 1024), Size(1024, 4096), Size(2048, 2048), Size(17, 4096)])
def test_a_size_that_can_be_made_is_made(asked):
    assert chosen_size(asked, SOURCE) == asked


@pytest.mark.parametrize("asked", [Size(15, 64), Size(64, 15), Size(4097, 64), Size(64, 4097), Size(2049, 2048)])
def test_any_other_is_refused_by_name(asked):
    with pytest.raises(InvalidRequest) as refused:
        chosen_size(asked, SOURCE)
    assert refused.value.param == "size"
    assert str(asked) in refused.value.message
    assert "16 to 4096" in refused.value.message
    assert "4,194,304" in refused.value.message


@pytest.mark.parametrize(
    ("source", "made"),
    [
        (Size(640, 480), Size(640, 480)),
        (Size(16, 16), Size(16, 16)),
        (Size(4096, 1024), Size(4096, 1024)),
        (Size(8192, 8192), Size(2048, 2048)),
        (Size(8192, 1024), Size(4096, 512)),
        (Size(1, 1), Size(16, 16)),
        (Size(8, 16), Size(16, 32)),
        (Size(100_000, 1), Size(4096, 16)),
    ],
)
def test_left_to_us_it_is_the_sources_own_brought_within_bounds(source, made):
    assert chosen_size(None, source) == made


@given(SIDES, SIDES)
@example(4096, 1025)
@example(2049, 2047)
def test_whatever_the_source_the_size_can_be_made(width, height):
    made = chosen_size(None, Size(width, height))
    assert min(made.width, made.height) >= MIN_SIDE
    assert max(made.width, made.height) <= MAX_SIDE
    assert made.pixels <= MAX_PIXELS
    assert chosen_size(made, SOURCE) == made


@given(SIDES, SIDES)
def test_the_ratio_is_kept_as_far_as_the_bounds_allow(width, height):
    made = chosen_size(None, Size(width, height))
    if max(width, height) / min(width, height) < MAX_SIDE / MIN_SIDE:
        assert made.width == pytest.approx(made.height * width / height, abs=1 + width / height)
