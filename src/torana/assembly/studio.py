"""Variations with no server of our own: in this process's workers, or from a gateway elsewhere."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torana.assembly.lending import Connections, lent_by, make_workers
from torana.assembly.settings import installed
from torana.config.model import Settings, Uploads
from torana.config.upstreams import Account, Extension
from torana.core.clock import SystemClock
from torana.core.content import Picture
from torana.core.errors import InvalidImage, InvalidRequest, ModelNotFound, WorkFailed
from torana.core.exchange import Context
from torana.families.base import Form
from torana.families.images import VARIATIONS
from torana.media.job import InMemory
from torana.media.jobs.sheets import contact_sheet
from torana.media.probe import probe
from torana.media.process import Lost, WorkerProcess
from torana.media.workers import Workers
from torana.providers.base import Declaration, Operation, declarations
from torana.storage.spool import Spool, SpooledFile
from torana.telemetry.logs import make_logger
from torana.telemetry.signals import Signals
from torana.upstream.client import Origin

EMBEDDED = "local"
REMOTE = "openai-compatible"
_CHUNK = 256 * 1024
_GRACE = 5.0
_ALL: tuple[Extension, ...] = ("seed", "strength", "output_format")


@dataclass(frozen=True, slots=True)
class Studio:
    """Somewhere that pictures are made; ``models`` are its only ones, if there are any."""

    models: tuple[str, ...]
    operation: Operation
    workers: Workers
    limits: Uploads
    spool: Spool

    async def vary(
        self, photos: Sequence[Path], fields: Mapping[str, str], *, on_picture: Callable[[], None]
    ) -> tuple[Picture, ...]:
        """Variations of photographs together, asked for by the same fields as over HTTP and refused by the same errors.

        OSError when a file cannot be read.
        """
        with ExitStack() as spooled:
            files = [("image", await self._upload(photo, spooled)) for photo in photos]
            request = VARIATIONS.read(Form(tuple(fields.items()), tuple(files)))
            if self.models and request.model not in self.models:
                raise ModelNotFound(f"There is no model '{request.model}' here, only {', '.join(self.models)}.")
            context = Context("", on_picture=on_picture)
            reply = await self.operation(request, request.model, context)
        pictures: tuple[Picture, ...] = reply.body.pictures
        return pictures

    async def sheet(self, photos: Sequence[Path], pictures: Sequence[Picture], names: Sequence[str]) -> bytes:
        """A contact sheet as a PNG: the photographs, then the pictures under their names."""
        sources = [InMemory(photo.read_bytes()) for photo in photos] + [InMemory(made.data) for made in pictures]
        captions = [*(photo.name for photo in photos), *names]
        return await contact_sheet(self.workers, sources, captions, max_pixels=self.limits.max_pixels)

    async def _upload(self, photo: Path, spooled: ExitStack) -> SpooledFile:
        file = spooled.enter_context(self.spool.open(photo.name))
        with photo.open("rb") as source:
            while chunk := source.read(_CHUNK):
                await file.append(chunk)
        try:
            await file.finish(partial(probe, max_pixels=self.limits.max_pixels))
        except InvalidImage as error:
            raise InvalidImage(error.message, param=str(photo), code=error.code) from error
        return file


@asynccontextmanager
async def studio(directory: Path, gateway: str | None, token: str | None) -> AsyncIterator[Studio]:
    """The embedded engine; with a ``gateway``, the one at that URL, entered with a token. InvalidRequest if it is none.

    ``directory`` takes what does not fit into memory, for as long as it is needed.
    """
    if token is not None and not (token.isascii() and token.isprintable()):
        raise InvalidRequest("The token holds characters that no token has.", param="token")
    settings = Settings()
    clock = SystemClock()
    account = (
        Account(type=EMBEDDED) if gateway is None else Account(type=REMOTE, base_url=_api(gateway), extensions=_ALL)
    )
    declaration = _declared(account.type)
    logger = make_logger("text", "warning", clock)
    connections = Connections()
    signals = Signals()
    workers = make_workers(settings, [declaration], logger, signals)
    provider = declaration.build(account, token, lent_by(settings, connections, workers, clock=clock, signals=signals))
    await workers.start()
    try:
        spool = Spool(directory, settings.uploads.memory, settings.uploads.patience)
        vary = provider.operations[VARIATIONS.operation]
        yield Studio(declaration.models, vary, workers, settings.uploads, spool)
    finally:
        await workers.stop()
        await connections.close()


def _api(gateway: str) -> str:
    base = gateway.rstrip("/")
    url = base if base.endswith("/v1") else f"{base}/v1"
    try:
        Origin(url)
    except ValueError as error:
        raise InvalidRequest(
            "This is not a gateway's address. Give one such as 'https://gateway.example', with no credentials in it.",
            param="gateway",
        ) from error
    return url


async def warm_up() -> None:
    """Has a worker load the embedded engine, compiling what is not compiled yet; WorkFailed when it cannot.

    InvalidRequest when the engine is not installed.
    """
    try:
        worker = await WorkerProcess.start(
            memory=Settings().workers.memory, warm=_declared(EMBEDDED).warm, grace=_GRACE
        )
    except Lost as lost:
        raise WorkFailed(f"The engine cannot be loaded: {lost}.") from lost
    await worker.end()


def _declared(kind: str) -> Declaration:
    declaration = declarations()[kind]
    if not installed(declaration):
        raise InvalidRequest(f"The engine is not installed: `pip install torana[{declaration.extra}]`.")
    return declaration
