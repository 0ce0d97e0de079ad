"""Black Forest Labs: FLUX, by jobs that are asked after at an address the reply gives.

Source: docs.bfl.ai; the vendor's own skill for agents; Vercel's AI SDK for what its replies look like.
"""

from decimal import Decimal

from msgspec import Struct

from torana.core.errors import ToranaError
from torana.core.price import Price
from torana.dialects.refusals import job_failed, moderated
from torana.dialects.steps import Ask, Drawn, Link, Poll, Send, Steps, empty, get, json_message
from torana.families.images import EDIT, GENERATE, VARY
from torana.media.jobs.preparing import Demands
from torana.providers.imaging.ability import Ability
from torana.providers.imaging.artist import declared
from torana.providers.imaging.canvas import Ratios, Stepped
from torana.providers.imaging.vendor import Vendor, header

_ALL = frozenset({VARY, EDIT, GENERATE})
_DEMANDS = Demands(max_bytes=20 * 1000**2, max_pixels=20_000_000)
"""Recalled from its reference."""
_MODERATED = frozenset({"Request Moderated", "Content Moderated"})


class _Job(Struct):
    polling_url: str
    cost: float | None = None
    """In credits of a cent."""


class _Sample(Struct):
    sample: str


class _Status(Struct):
    status: str
    result: _Sample | None = None


def draw(ask: Ask) -> Steps:
    """Submit, ask after the job until it ends, take the link, which lives for ten minutes."""
    job = (yield Send(json_message("POST", f"/v1/{ask.model}", _body(ask)), submits=True)).read(_Job)
    status = (yield Poll(get(), url=job.polling_url)).read(_Status)
    while status.status == "Pending":
        status = (yield Poll(get(), url=job.polling_url)).read(_Status)
    if status.status != "Ready":
        raise _ended(status.status)
    if status.result is None:
        raise empty()
    charged = None if job.cost is None else Decimal(str(job.cost)) / 100
    return Drawn((Link(status.result.sample),), charged=charged)


def _body(ask: Ask) -> dict[str, object]:
    names = ("input_image", *(f"input_image_{number}" for number in range(2, 9)))
    sources = dict(zip(names, (source.base64() for source in ask.sources), strict=False))
    return ask.given(
        prompt=ask.prompt,
        **sources,
        width=ask.size.width if ask.size else None,
        height=ask.size.height if ask.size else None,
        aspect_ratio=ask.ratio,
        seed=ask.seed,
        output_format=ask.output_format,
    )


def _ended(status: str) -> ToranaError:
    if status in _MODERATED:
        return moderated()
    return job_failed()


def _flux2(image: str, megapixel: str) -> Ability:
    """FLUX.2: any sides in steps of 16, up to eight pictures."""
    return Ability(
        _ALL,
        canvas=Stepped(step=16, least=64, most=4096, most_pixels=4_000_000),
        demands=_DEMANDS,
        sources=8,
        most_seed=2**31 - 1,
        formats=frozenset({"jpeg", "png"}),
        price=Price(
            dated="2026-11-22",
            source="docs.bfl.ai, for an edit",
            per_image=Decimal(image),
            per_megapixel=Decimal(megapixel),
        ),
    )


_KONTEXT = Ratios(("1:1", "3:4", "4:3", "2:3", "3:2", "9:16", "16:9", "3:7", "7:3", "21:9", "9:21"))


def _kontext(image: str) -> Ability:
    """FLUX.1 Kontext: shapes, and one picture."""
    return Ability(
        _ALL,
        canvas=_KONTEXT,
        demands=_DEMANDS,
        most_seed=2**31 - 1,
        formats=frozenset({"jpeg", "png"}),
        price=Price(dated="2026-11-22", source="docs.bfl.ai", per_image=Decimal(image)),
    )


DECLARATIONS = (
    declared(
        Vendor(
            type="black-forest-labs",
            summary="Black Forest Labs: FLUX.2 and FLUX.1 Kontext.",
            base_url="https://api.bfl.ai",
            hosts=("bfl.ai",),
            door=header("x-key"),
            draw=draw,
            abilities={
                "flux-2-pro": _flux2("0.03", "0.015"),
                "flux-2-max": _flux2("0.07", "0.03"),
                "flux-2-flex": _flux2("0.05", "0"),
                "flux-2-klein-4b": _flux2("0.014", "0"),
                "flux-2-klein-9b": _flux2("0.015", "0"),
                "flux-kontext-pro": _kontext("0.04"),
                "flux-kontext-max": _kontext("0.08"),
            },
        )
    ),
)
