"""fal: many makers' models, each a job in a queue that is asked after at the addresses it gives.

Source: fal.ai's documentation and model pages; its client 1.0.3.
Its prices are for started megapixels, ours for exact ones.
"""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from torana.core.errors import InvalidImage, ToranaError, UpstreamError
from torana.core.exchange import Message
from torana.core.price import Price
from torana.dialects.openai_images import decode_fault
from torana.dialects.refusals import job_failed, moderated, unpaid
from torana.dialects.steps import Ask, Drawn, Link, Poll, Received, Send, Steps, empty, get, json_message
from torana.families.images import EDIT, GENERATE, VARY
from torana.media.jobs.preparing import Demands
from torana.providers.imaging.ability import Ability, Scale
from torana.providers.imaging.artist import declared
from torana.providers.imaging.canvas import AsSource, Ratios, Stepped
from torana.providers.imaging.vendor import Vendor, header

_WAITING = frozenset({"IN_QUEUE", "IN_PROGRESS"})
_MODERATED = "content_policy_violation"
_UNPAID = "exhausted balance"
_PICTURE_FAULTS: Mapping[str, str] = {
    "image_too_small": "image_too_small",
    "image_too_large": "image_too_large",
    "image_load_error": "image_parse_error",
}
"""What is wrong with the caller's picture: their word and ours."""


class _Job(Struct):
    status_url: str
    response_url: str
    cancel_url: str | None = None


class _Status(Struct):
    status: str


class _Image(Struct):
    url: str


class _Result(Struct):
    images: list[_Image] = []
    has_nsfw_concepts: list[bool] | None = None


class _Detail(Struct):
    type: str = ""


class _Fault(Struct):
    detail: str | list[_Detail] = ""


def draw(ask: Ask) -> Steps:
    """Submit, ask after the job until it is done, and then for its result."""
    job = (yield Send(json_message("POST", f"/{ask.model}", _body(ask)), submits=True)).read(_Job)
    undo = Send(Message("PUT", "", ()), url=job.cancel_url) if job.cancel_url else None
    poll = Poll(get(), url=job.status_url, undo=undo)
    status = (yield poll).read(_Status)
    while status.status in _WAITING:
        status = (yield poll).read(_Status)
    if status.status != "COMPLETED":
        raise job_failed()
    return _drawn((yield Send(get(), url=job.response_url)).read(_Result))


def _body(ask: Ask) -> dict[str, object]:
    sources = [source.data_uri() for source in ask.sources]
    takes_several = ask.model.endswith("/edit")
    return ask.given(
        prompt=ask.prompt or None,
        image_url=sources[0] if sources and not takes_several else None,
        image_urls=sources if takes_several else None,
        image_size={"width": ask.size.width, "height": ask.size.height} if ask.size else None,
        aspect_ratio=ask.ratio,
        strength=ask.strength,
        # Models that make but one at a time have no such field.
        num_images=ask.n if ask.n > 1 else None,
        seed=ask.seed,
        output_format=ask.output_format,
    )


def _drawn(result: _Result) -> Drawn:
    """The pictures that were not flagged: a flagged one comes all the same, and is black."""
    flagged = {index for index, flag in enumerate(result.has_nsfw_concepts or ()) if flag}
    pictures = [Link(image.url) for index, image in enumerate(result.images) if index not in flagged]
    if not result.images:
        raise empty()
    if not pictures:
        raise moderated()
    return Drawn(tuple(pictures), billed=len(result.images))


def fault(received: Received) -> ToranaError:
    """What an error means, be it the queue's or the model's."""
    try:
        detail = received.read(_Fault).detail
    except UpstreamError:
        detail = ""
    types = [] if isinstance(detail, str) else [each.type for each in detail]
    if _MODERATED in types:
        return moderated()
    if code := next((_PICTURE_FAULTS[each] for each in types if each in _PICTURE_FAULTS), None):
        return InvalidImage("The upstream cannot use this picture.", code=code)
    if isinstance(detail, str) and _UNPAID in detail.lower():
        return unpaid()
    return decode_fault(received)


_DEMANDS = Demands(formats=("jpeg", "png", "webp"), max_bytes=10 * 1000**2)
_FORMATS = frozenset({"jpeg", "png"})
_FLUX1 = Stepped(step=16, least=256, most=1536)
_FLUX2 = Stepped(step=32, least=512, most=2048)
_MOST_SEED = 2**31 - 1


def _price(source: str, *, image: str | None = None, megapixel: str | None = None) -> Price:
    return Price(
        dated="2026-11-22",
        source=source,
        per_image=Decimal(image) if image else None,
        per_megapixel=Decimal(megapixel) if megapixel else None,
    )


def _redux(price: Price | None = None) -> Ability:
    return Ability(
        frozenset({VARY}),
        most=4,
        canvas=_FLUX1,
        demands=_DEMANDS,
        prompted=False,
        most_seed=_MOST_SEED,
        formats=_FORMATS,
        price=price,
    )


def _kontext(image: str) -> Ability:
    return Ability(
        frozenset({VARY, EDIT}),
        most=4,
        canvas=Ratios(("1:1", "4:3", "3:4", "3:2", "2:3", "16:9", "9:16", "21:9", "9:21")),
        demands=_DEMANDS,
        most_seed=_MOST_SEED,
        formats=_FORMATS,
        price=_price("fal.ai, by third parties", image=image),
    )


_IMAGE_TO_IMAGE = Ability(
    frozenset({VARY, EDIT}),
    most=4,
    canvas=AsSource(_FLUX1),
    demands=_DEMANDS,
    # Below 0.5 hardly anything changes; its own default is 0.95.
    strength=Scale(close=0.1, far=1.0, usual=0.85),
    most_seed=_MOST_SEED,
    formats=_FORMATS,
    price=_price("fal.ai, by third parties", megapixel="0.03"),
)
_FLUX2_EDIT = Ability(
    frozenset({VARY, EDIT}),
    canvas=_FLUX2,
    demands=_DEMANDS,
    sources=9,
    most_seed=_MOST_SEED,
    formats=_FORMATS,
    price=_price("as the maker's, for an edit of one megapixel", image="0.03", megapixel="0.015"),
)


def _drawing(canvas: Stepped, most: int, price: Price | None = None) -> Ability:
    return Ability(frozenset({GENERATE}), most=most, canvas=canvas, most_seed=_MOST_SEED, formats=_FORMATS, price=price)


DECLARATIONS = (
    declared(
        Vendor(
            type="fal",
            aliases=frozenset({"fal_ai"}),
            summary="fal: FLUX Redux, which varies natively, and FLUX models that edit and draw.",
            base_url="https://queue.fal.run",
            hosts=("fal.run",),
            door=header("authorization", "Key"),
            draw=draw,
            fault=fault,
            abilities={
                "fal-ai/flux-1/dev/redux": _redux(_price("fal.ai", megapixel="0.025")),
                "fal-ai/flux/dev/redux": _redux(_price("fal.ai, of flux-1/dev/redux", megapixel="0.025")),
                "fal-ai/flux-1/schnell/redux": _redux(),
                "fal-ai/flux/schnell/redux": _redux(),
                "fal-ai/flux/krea/redux": _redux(),
                "fal-ai/flux-pro/v1.1/redux": _redux(_price("fal.ai", megapixel="0.05")),
                "fal-ai/flux/dev/image-to-image": _IMAGE_TO_IMAGE,
                "fal-ai/flux-pro/kontext": _kontext("0.04"),
                "fal-ai/flux-pro/kontext/max": _kontext("0.08"),
                "fal-ai/flux-2-pro/edit": _FLUX2_EDIT,
                "fal-ai/flux/dev": _drawing(_FLUX1, 4, _price("fal.ai, by third parties", megapixel="0.025")),
                "fal-ai/flux-2-pro": _drawing(_FLUX2, 1, _price("as the maker's", image="0.015", megapixel="0.015")),
            },
        )
    ),
)
