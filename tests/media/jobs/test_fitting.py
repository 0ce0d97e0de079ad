import io

import msgspec
import pytest

from tests.media.samples import encoded, picture
from torana.core.content import PictureInfo, Size
from torana.core.errors import InvalidImage
from torana.media.job import InMemory, Job, Made
from torana.media.jobs.fitting import FUNCTION, Fitting, fit
from torana.media.probe import probe
from torana.media.workers import Workers

SOURCE = InMemory(encoded(picture(), "PNG"))


class Recorder:
    """A runner that keeps the job and makes something up."""

    async def run(self, job: Job) -> Made:
        self.job = job
        return Made(blobs=(b"made",))


async def test_asks_for_what_was_asked():
    recorder = Recorder()

    made = await fit(recorder, SOURCE, size=Size(64, 48), output_format="webp", max_pixels=999)

    assert (made.data, made.info) == (b"made", PictureInfo("webp", Size(64, 48)))
    assert recorder.job.function == FUNCTION
    assert recorder.job.sources == (SOURCE,)
    assert msgspec.msgpack.decode(recorder.job.params, type=Fitting) == Fitting(64, 48, "webp", 999)


async def test_through_a_real_worker():
    workers = Workers(count=1, queue=1, memory=1 << 30)
    await workers.start()
    try:
        made = await fit(workers, SOURCE, size=Size(64, 48), output_format="webp", max_pixels=999)
        with pytest.raises(InvalidImage) as caught:
            await fit(workers, InMemory(b"BMX"), size=Size(64, 48), output_format="webp", max_pixels=999)
    finally:
        await workers.stop()

    found = probe(io.BytesIO(made.data), max_pixels=9999)
    assert (found.format, found.size) == (made.info.format, made.info.size)
    assert caught.value.code == "image_parse_error"
