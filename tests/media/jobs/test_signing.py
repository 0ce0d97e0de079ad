import msgspec
import pytest

from tests.media.samples import SIZE, chunk, encoded, picture
from torana.core.content import Picture, PictureInfo
from torana.media.job import InMemory, Job, Made
from torana.media.jobs.signing import FUNCTION, Credentials, Signing, sign
from torana.media.marks import SourceType

PLAIN = encoded(picture(), "PNG")
INFO = PictureInfo("png", SIZE, bare=True, opaque=True)
CREDENTIALS = Credentials(b"chain", b"secret")


class Recorder:
    """A runner that keeps its jobs and makes something up."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    async def run(self, job: Job) -> Made:
        self.jobs.append(job)
        return Made(blobs=(b"signed",))


async def signed(recorder: Recorder, data: bytes) -> Picture:
    return await sign(recorder, Picture(data, INFO), credentials=CREDENTIALS, source_type=SourceType.MADE, caller="one")


async def test_asks_for_what_was_asked():
    recorder = Recorder()

    made = await signed(recorder, PLAIN)

    assert made == Picture(b"signed", PictureInfo("png", SIZE, bare=False, opaque=True))
    (job,) = recorder.jobs
    assert (job.function, job.sources, job.caller) == (FUNCTION, (InMemory(PLAIN),), "one")
    assert msgspec.msgpack.decode(job.params, type=Signing) == Signing(CREDENTIALS, SourceType.MADE, "image/png")


async def test_what_its_maker_signed_is_left_alone():
    recorder, data = Recorder(), PLAIN[:33] + chunk(b"caBX", b"manifest") + PLAIN[33:]

    assert await signed(recorder, data) == Picture(data, INFO)
    assert recorder.jobs == []


async def test_what_is_no_picture_is_refused():
    with pytest.raises(ValueError, match="cannot be read"):
        await signed(Recorder(), b"nothing")


def test_the_key_is_not_shown():
    assert "secret" not in repr(Signing(CREDENTIALS, SourceType.MADE, "image/png"))
