import io
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.media.samples import encoded, picture
from torana.core.content import PictureInfo, Size
from torana.core.errors import InvalidImage
from torana.media.job import InMemory, Job, Made
from torana.media.jobs.preparing import FUNCTION, Demands, Preparing, prepare, prepare_with_mask
from torana.media.probe import probe
from torana.media.workers import Workers

PNG, CLEAR = encoded(picture(), "PNG"), encoded(picture("RGBA"), "PNG")
BARE = PictureInfo("png", Size(60, 40), bare=True, opaque=True)

demands = st.builds(
    Demands,
    max_pixels=st.integers(1_000_000, 10_000_000),
    least_side=st.integers(1, 500),
    most_side=st.integers(1_000, 4_096),
    steepest=st.floats(1, 20) | st.just(math.inf),
    multiple=st.sampled_from([1, 2, 8, 16, 64]),
    square=st.booleans(),
)
sizes = st.builds(Size, st.integers(1, 65_535), st.integers(1, 65_535))


@pytest.mark.parametrize(
    ("size", "wanted", "found"),
    [
        ("4000x3000", Demands(), "4000x3000"),
        ("4000x3000", Demands(most_side=2_048), "2048x1536"),
        ("3000x4000", Demands(most_side=2_048), "1536x2048"),
        ("4000x3000", Demands(max_pixels=3_000_000), "2000x1500"),
        ("100x80", Demands(least_side=320), "400x320"),
        ("4000x1000", Demands(steepest=2.5), "2500x1000"),
        ("1000x4000", Demands(steepest=2.5), "1000x2500"),
        ("1023x767", Demands(multiple=16), "1024x768"),
        ("1030x770", Demands(multiple=16, most_side=1_024), "1024x768"),
        ("4000x3000", Demands(square=True, most_side=1_024), "1024x1024"),
        ("301x200", Demands(square=True), "200x200"),
        ("10x10", Demands(exact=Size(512, 256), square=True, least_side=900), "512x256"),
        ("9000x10", Demands(least_side=64, most_side=1_024), "1024x64"),
    ],
)
def test_the_size_to_bring_it_to(size, wanted, found):
    assert str(wanted.size_for(Size(*map(int, size.split("x"))))) == found


@given(demands, sizes)
def test_every_size_is_brought_within_all_bounds(wanted, size):
    found = wanted.size_for(size)
    short, long = sorted((found.width, found.height))

    assert found.pixels <= wanted.max_pixels
    assert wanted.least_side <= short <= long <= wanted.most_side
    assert long <= short * wanted.steepest
    assert short % wanted.multiple == long % wanted.multiple == 0
    assert short == long or not wanted.square
    assert (found.width <= found.height) == (size.width <= size.height) or short == long
    assert wanted.size_for(found) == found


@pytest.mark.parametrize(
    ("info", "wanted", "met"),
    [
        (BARE, Demands(), True),
        (BARE, Demands(formats=("jpeg",)), False),
        (BARE, Demands(max_bytes=100), True),
        (BARE, Demands(max_bytes=99), False),
        (BARE, Demands(opaque=True), True),
        (BARE, Demands(multiple=20, most_side=60, least_side=40, max_pixels=2_400, steepest=1.5), True),
        (BARE, Demands(multiple=16), False),
        (BARE, Demands(most_side=59), False),
        (BARE, Demands(least_side=41), False),
        (BARE, Demands(max_pixels=2_399), False),
        (BARE, Demands(steepest=1.4), False),
        (BARE, Demands(square=True), False),
        (BARE, Demands(exact=Size(60, 40)), True),
        (BARE, Demands(exact=Size(40, 60)), False),
        (PictureInfo("png", Size(60, 40), opaque=True), Demands(), False),
        (PictureInfo("png", Size(60, 40), bare=True), Demands(), True),
        (PictureInfo("png", Size(60, 40), bare=True), Demands(opaque=True), False),
    ],
)
def test_whether_it_may_be_sent_as_it_is(info, wanted, met):
    assert wanted.met_by(info, 100) == met


class Recorder:
    """A runner that keeps the job and hands back pictures of its own."""

    async def run(self, job: Job) -> Made:
        self.job = job
        return Made(blobs=(PNG, CLEAR))


async def test_asks_for_what_was_asked():
    recorder, wanted = Recorder(), Demands(formats=("jpeg",), exact=Size(9, 8), max_bytes=1 << 40)

    await prepare(recorder, InMemory(b"source"), demands=wanted, max_pixels=999, caller="one")

    assert (recorder.job.function, recorder.job.caller) == (FUNCTION, "one")
    assert recorder.job.sources == (InMemory(b"source"),)
    assert msgspec.msgpack.decode(recorder.job.params, type=Preparing) == Preparing(wanted, 999)


async def test_the_mask_goes_with_its_picture():
    recorder = Recorder()
    source, mask = InMemory(b"source"), InMemory(b"mask")

    made, cut = await prepare_with_mask(recorder, source, mask=mask, demands=Demands(), max_pixels=999, caller="one")

    assert recorder.job.sources == (source, mask)
    assert (made.data, cut.data) == (PNG, CLEAR)


async def test_what_comes_back_can_be_sent_as_an_upload():
    made = await prepare(Recorder(), InMemory(b""), demands=Demands(), max_pixels=999, caller="")

    assert (made.filename, made.size) == ("image.png", len(PNG))
    assert made.info == probe(io.BytesIO(PNG), max_pixels=999)
    assert b"".join([part async for part in made.chunks()]) == PNG


async def test_through_a_real_worker():
    workers = Workers(count=1, queue=1, memory=1 << 30)
    await workers.start()
    wanted = Demands(formats=("jpeg",), square=True, least_side=64)
    try:
        made = await prepare(workers, InMemory(CLEAR), demands=wanted, max_pixels=999, caller="one")
        with pytest.raises(InvalidImage) as caught:
            await prepare(workers, InMemory(b"BMX"), demands=wanted, max_pixels=999, caller="one")
    finally:
        await workers.stop()

    assert made.info == PictureInfo("jpeg", Size(64, 64), bare=True, opaque=True)
    assert wanted.met_by(made.info, made.size)
    assert caught.value.param == "image"
