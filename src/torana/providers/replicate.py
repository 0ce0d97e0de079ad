"""Replicate: many makers' models, each with names of its own for what it takes, by jobs that are asked after.

Source: replicate.com's API reference and model pages; its Python client for how larger files go up.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from msgspec import Struct

from torana.core.errors import ToranaError
from torana.core.exchange import Message
from torana.core.price import Price
from torana.dialects.multipart import form_message
from torana.dialects.refusals import job_failed, moderated
from torana.dialects.steps import Ask, Drawn, Link, Poll, Received, Send, Sent, Steps, empty, get, json_message
from torana.families.images import EDIT, GENERATE, VARY
from torana.media.jobs.preparing import Demands
from torana.providers.imaging.ability import Ability
from torana.providers.imaging.artist import declared
from torana.providers.imaging.canvas import Ratios
from torana.providers.imaging.vendor import Vendor

_WAITING = frozenset({"starting", "processing"})
_MODERATED = ("(e005)", "nsfw", "flagged as sensitive")
"""What the errors of jobs say, in lower case, when a model's own filter refused."""
_STAY = ("prefer", "wait")
_MOST_INLINE = 256 * 1000
"""Bytes of a picture that goes along in the request; a larger one is uploaded first."""
_THEIR_FORMATS: Mapping[str | None, str] = {"jpeg": "jpg", "png": "png", "webp": "webp"}


@dataclass(frozen=True, slots=True)
class _Names:
    """What a model calls the things it takes."""

    source: str
    takes_several: bool = False
    resolution: str = "resolution"


_REDUX, _KONTEXT, _FLUX2 = (
    _Names("redux_image", resolution="megapixels"),
    _Names("input_image"),
    _Names("input_images", takes_several=True),
)
_MODELS: Mapping[str, _Names] = {
    "black-forest-labs/flux-redux-dev": _REDUX,
    "black-forest-labs/flux-redux-schnell": _REDUX,
    "black-forest-labs/flux-kontext-pro": _KONTEXT,
    "black-forest-labs/flux-kontext-max": _KONTEXT,
    "black-forest-labs/flux-2-pro": _FLUX2,
}


class _Urls(Struct):
    get: str
    cancel: str | None = None


class _File(Struct):
    urls: _Urls


class _Prediction(Struct):
    status: str
    urls: _Urls
    output: str | list[str] | None = None
    error: object = None


def draw(ask: Ask) -> Steps:
    """Submit and stay for up to a minute; ask after the job for as long as it then goes on."""
    urls = []
    for source in ask.sources:
        urls.append((yield from _placed(source)))  # noqa: PERF401 - a comprehension cannot yield
    message = json_message("POST", f"/v1/models/{ask.model}/predictions", {"input": _input(ask, urls)}, _STAY)
    prediction = (yield Send(message, submits=True)).read(_Prediction)
    while prediction.status in _WAITING:
        cancel = prediction.urls.cancel
        undo = Send(Message("POST", "", ()), url=cancel) if cancel else None
        prediction = (yield Poll(get(), url=prediction.urls.get, undo=undo)).read(_Prediction)
    if prediction.status != "succeeded":
        raise _ended(prediction)
    output = [prediction.output] if isinstance(prediction.output, str) else prediction.output
    if not output:
        raise empty()
    return Drawn(tuple(map(Link, output)))


def _placed(source: Sent) -> Generator[Send, Received, str]:
    """Where a model finds a source: in the request itself, or among the account's files."""
    if len(source.data) <= _MOST_INLINE:
        return source.data_uri()
    received = yield Send(form_message("/v1/files", (), [("content", source)]))
    return received.read(_File).urls.get


def _input(ask: Ask, sources: list[str]) -> dict[str, object]:
    names = _MODELS[ask.model]
    told: dict[str, object] = {names.resolution: ask.resolution}
    if sources:
        told[names.source] = sources if names.takes_several else sources[0]
    return ask.given(
        prompt=ask.prompt or None,
        **told,
        aspect_ratio=ask.ratio,
        # Models that make but one at a time have no such field.
        num_outputs=ask.n if ask.n > 1 else None,
        seed=ask.seed,
        output_format=_THEIR_FORMATS.get(ask.output_format),
    )


def _ended(prediction: _Prediction) -> ToranaError:
    told = str(prediction.error).lower()
    if any(words in told for words in _MODERATED):
        return moderated()
    return job_failed()


_MOST_SEED = 2**31 - 1
_DEMANDS = Demands(max_bytes=10 * 1000**2)


def _price(source: str, *, image: str | None = None, megapixel: str | None = None) -> Price:
    return Price(
        dated="2026-11-22",
        source=source,
        per_image=Decimal(image) if image else None,
        per_megapixel=Decimal(megapixel) if megapixel else None,
    )


def _redux(image: str) -> Ability:
    return Ability(
        frozenset({VARY}),
        most=4,
        canvas=Ratios(
            ("1:1", "16:9", "21:9", "3:2", "2:3", "4:5", "5:4", "3:4", "4:3", "9:16", "9:21"),
            (("0.25", 250_000), ("1", 1_000_000)),
        ),
        demands=_DEMANDS,
        prompted=False,
        most_seed=_MOST_SEED,
        formats=frozenset({"png", "webp", "jpeg"}),
        price=_price("third parties, who do not agree", image=image),
    )


def _kontext(image: str) -> Ability:
    return Ability(
        frozenset({VARY, EDIT, GENERATE}),
        canvas=Ratios(("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "4:5", "5:4", "21:9", "9:21", "2:1", "1:2")),
        demands=_DEMANDS,
        most_seed=_MOST_SEED,
        formats=frozenset({"png", "jpeg"}),
        price=_price("replicate.com, by third parties", image=image),
    )


_FLUX2_PRO = Ability(
    frozenset({VARY, EDIT, GENERATE}),
    canvas=Ratios(
        ("1:1", "16:9", "3:2", "2:3", "4:5", "5:4", "9:16", "3:4", "4:3"),
        (("0.5 MP", 500_000), ("1 MP", 1_000_000), ("2 MP", 2_000_000), ("4 MP", 4_000_000)),
    ),
    demands=_DEMANDS,
    sources=8,
    most_seed=_MOST_SEED,
    formats=frozenset({"png", "webp", "jpeg"}),
    price=_price("as the maker's, for an edit of one megapixel", image="0.03", megapixel="0.015"),
)

DECLARATIONS = (
    declared(
        Vendor(
            type="replicate",
            summary="Replicate: FLUX Redux, which varies natively, and FLUX models that edit and draw.",
            base_url="https://api.replicate.com",
            hosts=("replicate.com",),
            draw=draw,
            abilities={
                "black-forest-labs/flux-redux-dev": _redux("0.025"),
                "black-forest-labs/flux-redux-schnell": _redux("0.003"),
                "black-forest-labs/flux-kontext-pro": _kontext("0.04"),
                "black-forest-labs/flux-kontext-max": _kontext("0.08"),
                "black-forest-labs/flux-2-pro": _FLUX2_PRO,
            },
        )
    ),
)
