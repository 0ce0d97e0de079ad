from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from torana.config.units import Bytes, Seconds

SECONDS = [
    *((0, 0), (30, 30), (1.5, 1.5), ("30", 30), ("0.5", 0.5), ("500ms", 0.5), ("30s", 30), ("1.5m", 90)),
    *(("5m", 300), ("1h", 3600), ("7d", 604_800), (" 5 m ", 300), ("0s", 0)),
]
BYTES = [
    *((0, 0), (512, 512), ("512", 512), ("512B", 512), ("1kB", 1000), ("1KB", 1000), ("25MB", 25_000_000)),
    *(("1GB", 10**9), ("64KiB", 65_536), ("25 MiB", 26_214_400), ("1.5KiB", 1536), ("2GiB", 2 * 1024**3)),
]
NEITHER: list[object] = [
    *("", " ", "s", "KiB", "-1", "+1", "-5s", "5x", "5 5", "1,5s", "1e3", "1.", ".5", "nan", "inf", "٣", "٣s", "5sec"),
    *(-1, -0.5, float("nan"), float("inf"), 1e22, True, False, None, [], {}, b"5", 10**15, "9" * 400),
]


@pytest.mark.parametrize(("written", "seconds"), SECONDS)
def test_durations(written, seconds):
    assert Seconds.parse(written) == pytest.approx(seconds)


@pytest.mark.parametrize(("written", "count"), BYTES)
def test_sizes(written, count):
    assert Bytes.parse(written) == count


@pytest.mark.parametrize("written", [*NEITHER, "5KiB", "5S", "5M", "5w"])
def test_no_durations(written):
    with pytest.raises(ValueError, match=r"^expected a duration such as 30s, 5m or 1h, got "):
        Seconds.parse(written)


@pytest.mark.parametrize("written", [*NEITHER, 1.5, "5s", "5kb", "5K", "5M", "5kib", "5TB"])
def test_no_sizes(written):
    with pytest.raises(ValueError, match=r"^expected a size such as 512KiB or 25MiB, got "):
        Bytes.parse(written)


def test_what_was_written_is_told():
    with pytest.raises(ValueError, match=r"got '5x'$"):
        Seconds.parse("5x")


@given(st.one_of(st.text(), st.from_regex(r"[0-9]{1,20}(\.[0-9]{1,20})?[A-Za-z]{0,3}"), st.floats(), st.integers()))
def test_anything_else_is_a_value_error(written):
    for unit in (Seconds, Bytes):
        with suppress(ValueError):
            assert unit.parse(written) >= 0


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        (Seconds(0), "0"),
        (Seconds(0.25), "250ms"),
        (Seconds(45), "45s"),
        (Seconds(90), "90s"),
        (Seconds(540), "9m"),
        (Seconds(5400), "90m"),
        (Seconds(3600), "1h"),
        (Seconds(172_800), "2d"),
        (Seconds(0.0005), "0.0005"),
        (Seconds(0.00001), "0.00001"),
        (Seconds(1_234_567.1004), "1234567.1004"),
        (Bytes(0), "0"),
        (Bytes(1000), "1000B"),
        (Bytes(1024), "1KiB"),
        (Bytes(1536), "1536B"),
        (Bytes(64 * 1024**2), "64MiB"),
        (Bytes(2 * 1024**3), "2GiB"),
    ],
)
def test_quantities_are_shown_as_one_writes_them(quantity, text):
    assert str(quantity) == text


@given(st.integers(0, 10**15 - 1))
def test_a_size_that_is_shown_can_be_written(count):
    assert Bytes.parse(str(Bytes(count))) == count


@given(st.integers(0, 10**6), st.sampled_from(["ms", "s", "m", "h", "d"]))
@example(1001, "ms")
def test_a_duration_that_is_shown_can_be_written(count, unit):
    seconds = Seconds.parse(f"{count}{unit}")
    assert Seconds.parse(str(seconds)) == seconds
