"""From what an upstream made to what the client gets: fetched, understood, brought to size and format, marked."""

import asyncio
from collections.abc import Awaitable, Sequence
from io import BytesIO

from msgspec import Struct

from torana.config.upstreams import Account
from torana.core.content import Encoded, OutputFormat, Picture, PictureInfo, Size
from torana.core.errors import InvalidImage, ToranaError, UpstreamError
from torana.dialects.steps import Drawn, Inline, Link
from torana.families.images import OUTPUT_FORMATS, ImageRequest
from torana.media.job import InMemory
from torana.media.marks import SourceType
from torana.media.marks.straight import look, put
from torana.media.probe import probe
from torana.providers.base import Lent

_DOWNLOAD_SECONDS = 30.0
_DOWNLOAD_TRIES = 3
_PAUSE = 0.3


class Finished(Struct, frozen=True):
    """A picture as the client gets it, and what had to be done for that."""

    picture: Picture | Encoded
    resized: bool
    converted: bool
    made: Size
    """The size that the upstream made it at."""
    revised_prompt: str | None


class Finishing(Struct, frozen=True):
    """What one request wants of its pictures."""

    lent: Lent
    account: Account
    request: ImageRequest
    caller: str

    async def all_of(self, drawn: Sequence[Drawn]) -> tuple[list[Finished], list[ToranaError]]:
        """The pictures of all calls in their order, and why others could not be had; those are paid for."""
        made = [(picture, each.revised_prompt) for each in drawn for picture in each.pictures]
        straight = [self._straight(*each) for each in made]
        if None not in straight:
            return [each for each in straight if each is not None], []
        results: list[Finished | ToranaError]
        if len(made) == 1:
            results = [await _caught(self._one(*made[0]))]
        else:
            results = await self._several(made, straight)
        return (
            [result for result in results if isinstance(result, Finished)],
            [result for result in results if isinstance(result, ToranaError)],
        )

    async def _several(
        self, made: Sequence[tuple[bytes | Inline | Link, str | None]], straight: Sequence[Finished | None]
    ) -> list[Finished | ToranaError]:
        async with asyncio.TaskGroup() as group:
            tasks = [
                None if done else group.create_task(_caught(self._one(*each)))
                for each, done in zip(made, straight, strict=True)
            ]
        pairs = zip(tasks, straight, strict=True)
        return [result for task, done in pairs if (result := done if task is None else task.result()) is not None]

    def _straight(self, picture: bytes | Inline | Link, revised_prompt: str | None) -> Finished | None:
        """A picture that is right as it stands in the reply, marked at most; None where more is to be done."""
        wanted, lent = self.request, self.lent
        if not isinstance(picture, Inline) or lent.credentials is not None:
            return None
        if wanted.response_format == "url" and not wanted.stream:
            return None
        seen = look(picture.text, lent.max_pixels)
        if seen is None:
            return None
        name, size = seen.header.format, seen.size
        if wanted.size is not None and wanted.size != size:
            return None
        if "output_format" in wanted.extensions and wanted.output_format != name:
            return None
        pieces = put(picture.text, seen, self._source_type) if lent.mark and not seen.signed else (picture.text,)
        shown = Encoded(pieces, PictureInfo(name, size))
        return Finished(shown, resized=False, converted=False, made=size, revised_prompt=revised_prompt)

    async def _one(self, picture: bytes | Inline | Link, revised_prompt: str | None) -> Finished:
        data = await self._whole(picture)
        info = _info(data, self.lent.max_pixels)
        wanted = self.request
        resized = wanted.size is not None and wanted.size != info.size
        converted = "output_format" in wanted.extensions and wanted.output_format != info.format
        if resized or converted:
            shown = await self._fitted(data, wanted.size or info.size, self._format(info, converted=converted))
        else:
            shown = Picture(data, info)
        try:
            marked = await self.lent.marked(shown, self._source_type, caller=self.caller)
        except ValueError as error:
            raise _not_a_picture() from error
        return Finished(
            marked,
            resized=resized,
            converted=converted,
            made=info.size,
            revised_prompt=revised_prompt,
        )

    @property
    def _source_type(self) -> SourceType:
        return SourceType.REWORKED if self.request.images else SourceType.MADE

    def _format(self, info: PictureInfo, *, converted: bool) -> OutputFormat:
        kept: OutputFormat = next((known for known in OUTPUT_FORMATS if known == info.format), "png")
        return self.request.output_format if converted else kept

    async def _fitted(self, data: bytes, size: Size, output_format: OutputFormat) -> Picture:
        try:
            return await self.lent.fitted(InMemory(data), size=size, output_format=output_format)
        except InvalidImage as error:
            raise _not_a_picture() from error

    async def _whole(self, picture: bytes | Inline | Link) -> bytes:
        if isinstance(picture, Link):
            return await self._fetched(picture.url)
        return picture.decoded() if isinstance(picture, Inline) else picture

    async def _fetched(self, url: str) -> bytes:
        """The bytes behind a link; a link costs nothing to follow again."""
        for tried in range(1, _DOWNLOAD_TRIES + 1):
            try:
                data = await self.lent.downloads.fetch(
                    url,
                    allowed_hosts=self.account.download_hosts,
                    max_bytes=self.account.max_reply,
                    within=_DOWNLOAD_SECONDS,
                )
                # A proxy's page of regrets may come with status 200.
                _info(data, self.lent.max_pixels)
            except UpstreamError:
                if tried == _DOWNLOAD_TRIES:
                    raise
            else:
                return data
            await asyncio.sleep(_PAUSE * tried)
        raise AssertionError("the last try returns or raises")


async def _caught(work: Awaitable[Finished]) -> Finished | ToranaError:
    try:
        return await work
    except ToranaError as error:
        error.spent = True
        return error


def _info(data: bytes, max_pixels: int) -> PictureInfo:
    try:
        return probe(BytesIO(data), max_pixels=max_pixels)
    except InvalidImage as error:
        raise _not_a_picture() from error


def _not_a_picture() -> UpstreamError:
    # The caller's picture was fine: this one is the upstream's.
    return UpstreamError("The upstream sent something that is not a picture.", code="upstream_invalid_reply")
