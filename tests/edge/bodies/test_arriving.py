import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.media.samples import chunk, png_header
from torana.core.content import PictureInfo
from torana.core.exchange import Misled
from torana.edge.bodies.arriving import Arriving
from torana.media.probe import probe
from torana.media.probe.ahead import foretell
from torana.storage.spool import Spool, SpooledFile

MOST = 10**6
PNG = png_header(300, 200) + chunk(b"IDAT", b"\1" * 5_000) * 4 + chunk(b"IEND")
FIRST = 3_000


def examine(file: io.BytesIO) -> PictureInfo:
    return probe(file, max_pixels=MOST)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[SpooledFile]:
    with Spool(tmp_path, 10**8).open("cat.png") as opened:
        yield opened


async def begun(file: SpooledFile, first: int = FIRST, size: int = len(PNG)) -> Arriving:
    await file.append(PNG[:first])
    foretold = file.look(lambda seen: foretell(seen, size=size, max_pixels=MOST))
    assert foretold is not None
    return Arriving(file, size, foretold)


async def ended(file: SpooledFile, arriving: Arriving, rest: bytes) -> None:
    await file.append(rest)
    arriving.grown()
    with suppress(Exception):
        await file.finish(examine)  # type: ignore[arg-type]  # any seekable file
    arriving.end()


class Reading:
    """Somebody who reads an upload as it comes."""

    def __init__(self, arriving: Arriving) -> None:
        self.got = b""
        self.task = asyncio.create_task(self._read(arriving.chunks()))

    async def _read(self, chunks: AsyncIterator[bytes]) -> None:
        async for piece in chunks:
            self.got += piece

    async def settled(self) -> bytes:
        """What was read when there was nothing more to be read."""
        for _ in range(10):
            await asyncio.sleep(0)
        return self.got


async def test_it_is_an_upload_from_its_first_bytes(file: SpooledFile) -> None:
    arriving = await begun(file)
    assert (arriving.filename, arriving.size, arriving.at_hand()) == ("cat.png", len(PNG), None)
    assert arriving.info == examine(io.BytesIO(PNG))


@pytest.mark.parametrize("step", [1, 700, 4_000, len(PNG)])
async def test_its_bytes_are_given_as_they_come_and_the_last_when_all_is_known(file: SpooledFile, step: int) -> None:
    arriving = await begun(file)
    early, late = Reading(arriving), None
    assert await early.settled() == PNG[:FIRST]
    for start in range(FIRST, len(PNG), step):
        await file.append(PNG[start : start + step])
        arriving.grown()
        assert PNG.startswith(await early.settled())
        late = late or Reading(arriving)
    assert early.got == PNG[:-64]
    await file.finish(examine)  # type: ignore[arg-type]  # any seekable file
    assert await early.settled() == PNG[:-64]
    arriving.end()
    await arriving.whole()
    assert late is not None
    assert await early.settled() == await late.settled() == b"".join(arriving.at_hand() or ()) == PNG
    assert b"".join([piece async for piece in arriving.chunks()]) == PNG


@pytest.mark.parametrize(
    ("size", "rest"),
    [
        (len(PNG), PNG[FIRST:-1]),
        (len(PNG), PNG[FIRST:] + b"more"),
        (len(PNG) + 20, PNG[FIRST:-12] + chunk(b"tEXt", b"a\0b 456789") + PNG[-12:]),
    ],
    ids=["shorter", "longer", "another"],
)
async def test_one_that_is_not_as_foretold_misleads_all_who_read_it(file: SpooledFile, size: int, rest: bytes) -> None:
    arriving = await begun(file, size=size)
    reading, waiting = Reading(arriving), asyncio.create_task(arriving.whole())
    await reading.settled()
    await ended(file, arriving, rest)
    for task in (reading.task, waiting):
        with pytest.raises(Misled):
            await task
    assert len(reading.got) < len(PNG) - 12
    assert arriving.is_misleading
    with pytest.raises(Misled):
        await Reading(arriving).task


async def test_who_gives_it_up_tells_all_who_wait(file: SpooledFile) -> None:
    arriving = await begun(file)
    reading = Reading(arriving)
    await reading.settled()
    arriving.mislead()
    with pytest.raises(Misled):
        await reading.task
    await ended(file, arriving, PNG[FIRST:])
    assert arriving.is_misleading


async def test_what_is_here_stays_here(file: SpooledFile) -> None:
    arriving = await begun(file)
    await ended(file, arriving, PNG[FIRST:])
    arriving.mislead()
    await arriving.whole()
    assert not arriving.is_misleading


async def test_one_that_goes_to_the_disk_is_not_read_while_it_comes(tmp_path: Path) -> None:
    with Spool(tmp_path, 2 * FIRST + 200).open("cat.png") as file:
        arriving = await begun(file)
        reading = Reading(arriving)
        await reading.settled()
        await ended(file, arriving, PNG[FIRST:])
        with pytest.raises(Misled):
            await reading.task
        assert arriving.is_misleading
