import io

from PIL import Image

from tests.media.samples import encoded, picture
from torana.media.job import InMemory
from torana.media.jobs.sheets import contact_sheet


async def test_through_a_real_worker(crew):
    workers = crew(memory=1 << 30)
    await workers.start()
    sources = [InMemory(encoded(picture(), "PNG"))] * 3
    sheet = await contact_sheet(workers, sources, ["one", "two", "three"], max_pixels=1_000)
    with Image.open(io.BytesIO(sheet)) as image:
        assert (image.format, image.width) == ("PNG", 10 + 3 * 266)
