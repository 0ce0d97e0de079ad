"""Providers that speak OpenAI's dialect and differ only in facts: one row each."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO

from torana.config.model import Account
from torana.core.content import OutputFormat, Picture, PictureInfo
from torana.core.errors import InvalidImage, UpstreamAuth, UpstreamError
from torana.core.exchange import Context, Reply, Usage
from torana.core.together import all_or_none
from torana.dialects.openai import Link, decode_error, decode_pictures, encode_variation
from torana.families.images import OUTPUT_FORMATS, VARIATIONS, Pictures, VariationRequest
from torana.media.job import InMemory
from torana.media.probe import probe
from torana.providers.base import Declaration, Lent, Operation
from torana.upstream.client import Origin, Timeouts

_OK = 200
_DOWNLOAD_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class _Shown:
    """A picture as the client gets it, and whether it had to be changed for that."""

    picture: Picture
    resized: bool
    converted: bool


class Compatible:
    """An upstream that answers the same requests as OpenAI did."""

    def __init__(self, account: Account, key: str | None, lent: Lent) -> None:
        headers = (("authorization", f"Bearer {key}"),) if key else ()
        self._origin = Origin(str(account.base_url), headers)
        self._keyless = key is None and account.api_key is not None
        self._account = account
        self._lent = lent
        self._client = lent.connect(account.max_connections)
        timeouts = account.timeouts
        self._timeouts = Timeouts(timeouts.connect, timeouts.first_byte, timeouts.total)
        self.operations: Mapping[str, Operation] = {VARIATIONS.operation: self.vary}

    async def vary(self, request: VariationRequest, model: str, context: Context) -> Reply[Pictures]:
        """The upstream's variations, each at the size and in the format that the client asked for."""
        body = await self._ask(request, model, context)
        found = await all_or_none(self._bytes(picture) for picture in decode_pictures(body)[: request.n])
        shown = await all_or_none(self._shown(data, request) for data in found)
        emulated = {
            "url": request.response_format == "url",
            "resize": any(each.resized for each in shown),
            "output_format": any(each.converted for each in shown),
        }
        pictures = Pictures(int(self._lent.clock.now()), tuple(each.picture for each in shown))
        return Reply(
            pictures,
            emulated=tuple(name for name, done in emulated.items() if done),
            ignored=tuple(sorted(request.extensions - {*self._account.extensions, "output_format"})),
            shortfall=request.n - len(shown),
            usage=Usage(images=len(shown)),
        )

    async def _ask(self, request: VariationRequest, model: str, context: Context) -> bytes:
        if self._keyless:
            raise UpstreamAuth("The gateway has no credentials for this upstream.", reason="no_key")
        boundary = f"torana-{secrets.token_hex(16)}"
        message = encode_variation(request, model=model, extensions=self._account.extensions, boundary=boundary)
        async with self._client.send(
            message,
            self._origin,
            timeouts=self._timeouts,
            max_reply=self._account.max_reply,
            headers=context.headers,
        ) as response:
            body = await response.read()
        if response.status != _OK:
            raise decode_error(response.status, response.headers, body)
        return body

    async def _bytes(self, picture: bytes | Link) -> bytes:
        if isinstance(picture, bytes):
            return picture
        return await self._lent.downloads.fetch(
            picture.url,
            allowed_hosts=self._account.download_hosts,
            max_bytes=self._account.max_reply,
            within=_DOWNLOAD_SECONDS,
        )

    async def _shown(self, data: bytes, request: VariationRequest) -> _Shown:
        info = _info(data, self._lent.max_pixels)
        resized = request.size is not None and request.size != info.size
        converted = "output_format" in request.extensions and request.output_format != info.format
        if not resized and not converted:
            return _Shown(Picture(data, info), resized=False, converted=False)
        try:
            picture = await self._lent.fitted(
                InMemory(data),
                size=request.size or info.size,
                output_format=request.output_format if converted else _writable(info.format),
            )
        except InvalidImage as error:
            raise _not_a_picture() from error
        return _Shown(picture, resized=resized, converted=converted)


def _info(data: bytes, max_pixels: int) -> PictureInfo:
    try:
        return probe(BytesIO(data), max_pixels=max_pixels)
    except InvalidImage as error:
        raise _not_a_picture() from error


def _not_a_picture() -> UpstreamError:
    # The caller's picture was fine: this one is the upstream's.
    return UpstreamError("The upstream sent something that is not a picture.", code="upstream_invalid_reply")


def _writable(found: str) -> OutputFormat:
    """The format a picture came in, where we can write it."""
    return next((known for known in OUTPUT_FORMATS if known == found), "png")


DECLARATIONS = (
    Declaration(
        type="openai-compatible",
        summary="Any upstream that answers `POST /images/variations` in OpenAI's shape.",
        operations=frozenset({VARIATIONS.operation}),
        build=Compatible,
        needs=frozenset({"base_url"}),
        takes=frozenset({
            "api_key", "models", "extensions", "timeouts", "max_reply", "download_hosts", "max_connections",
        }),
    ),
)  # fmt: skip
