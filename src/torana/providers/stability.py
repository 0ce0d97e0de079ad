"""Stability AI, v2beta: pictures changed by noise of a given strength, or led by their structure or their style.

Source: mirrors of platform.stability.ai's specification; its price list of 2025-08-01.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from msgspec import Struct

from torana.core.errors import ToranaError, UpstreamError
from torana.core.price import Price
from torana.dialects.inline import from_base64
from torana.dialects.multipart import form_message
from torana.dialects.openai_images import decode_fault
from torana.dialects.refusals import moderated
from torana.dialects.steps import Ask, Drawn, Received, Send, Steps, empty
from torana.families.images import EDIT, GENERATE, VARY
from torana.media.jobs.preparing import Demands
from torana.providers.imaging.ability import Ability, Scale
from torana.providers.imaging.artist import declared
from torana.providers.imaging.canvas import AsSource, Canvas, Ratios, Shaped, Stepped
from torana.providers.imaging.vendor import Vendor

_FILTERED = "CONTENT_FILTERED"
_MODERATED = "content_moderation"


@dataclass(frozen=True, slots=True)
class _Way:
    """How a model is called."""

    path: str
    strength: str = "strength"
    """Its name for how far to go, or how closely to follow."""
    takes_mode: bool = False
    """Whether the path serves several models, each with a mode for sources and one for words alone."""
    shapes_itself: bool = False
    """Whether a result has a shape of its own even with a source, which then only leads."""


_SD3 = _Way("/generate/sd3", takes_mode=True)
_WAYS: Mapping[str, _Way] = {
    "sd3.5-large": _SD3,
    "sd3.5-large-turbo": _SD3,
    "sd3.5-medium": _SD3,
    "stable-image-ultra": _Way("/generate/ultra"),
    "stable-image-core": _Way("/generate/core"),
    "control-structure": _Way("/control/structure", strength="control_strength"),
    "control-style": _Way("/control/style", strength="fidelity", shapes_itself=True),
}


class _Reply(Struct):
    image: str | None = None
    finish_reason: str = ""


class _Fault(Struct):
    name: str = ""


def draw(ask: Ask) -> Steps:
    """One call for one picture, in base64."""
    way = _WAYS[ask.model]
    fields = ask.given(
        prompt=ask.prompt,
        **{way.strength: ask.strength},
        aspect_ratio=ask.ratio if way.shapes_itself or not ask.sources else None,
        # 0 stands for chance there.
        seed=None if ask.seed is None else ask.seed + 1,
        output_format=ask.output_format,
        model=ask.model if way.takes_mode else None,
        mode=_mode(ask) if way.takes_mode else None,
    )
    files = [("image", source) for source in ask.sources]
    message = form_message(f"/v2beta/stable-image{way.path}", fields.items(), files)
    reply = (yield Send(message, submits=True)).read(_Reply)
    if reply.finish_reason == _FILTERED:
        raise moderated()
    if not reply.image:
        raise empty()
    return Drawn((from_base64(reply.image),))


def _mode(ask: Ask) -> str:
    return "image-to-image" if ask.sources else "text-to-image"


def fault(received: Received) -> ToranaError:
    """What an error means; a refusal by moderation has the status that wrong credentials have."""
    try:
        name = received.read(_Fault).name
    except UpstreamError:
        name = ""
    if name == _MODERATED:
        return moderated()
    return decode_fault(received)


_RATIOS = Ratios(("1:1", "16:9", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21"))
# About the megapixel at which the models were taught, whatever is wanted: all sizes cost the same.
_SOURCES = Stepped(step=64, least=512, most=2048, least_pixels=900_000, most_pixels=1_600_000, steepest=2.5)
_DEMANDS = Demands(max_bytes=10 * 1000**2, max_pixels=9_437_184, least_side=64, steepest=2.5)
_MOST_SEED = 4_294_967_293


def _ability(
    image: str,
    *operations: str,
    canvas: Canvas | None = None,
    strength: Scale | None = None,
    formats: frozenset[str] = frozenset({"png", "jpeg", "webp"}),
) -> Ability:
    return Ability(
        frozenset(operations),
        canvas=canvas or Shaped(_RATIOS, _SOURCES),
        demands=_DEMANDS,
        inline=False,
        strength=strength,
        most_seed=_MOST_SEED,
        formats=formats,
        price=Price(dated="2026-11-22", source="platform.stability.ai, 2025-08-01", per_image=Decimal(image)),
    )


_NOISE = Scale(close=0.0, far=1.0, usual=0.6)
_SD3_FORMATS = frozenset({"png", "jpeg"})
_ALL = (VARY, EDIT, GENERATE)

DECLARATIONS = (
    declared(
        Vendor(
            type="stability",
            summary="Stability AI: Stable Diffusion 3.5, Stable Image, and control by structure or style.",
            base_url="https://api.stability.ai",
            draw=draw,
            fault=fault,
            abilities={
                "sd3.5-large": _ability("0.065", *_ALL, strength=_NOISE, formats=_SD3_FORMATS),
                "sd3.5-large-turbo": _ability("0.04", *_ALL, strength=_NOISE, formats=_SD3_FORMATS),
                "sd3.5-medium": _ability("0.035", *_ALL, strength=_NOISE, formats=_SD3_FORMATS),
                "stable-image-ultra": _ability("0.08", *_ALL, strength=_NOISE),
                "stable-image-core": _ability("0.03", GENERATE, canvas=_RATIOS),
                "control-structure": _ability(
                    "0.05",
                    VARY,
                    EDIT,
                    canvas=AsSource(_SOURCES),
                    strength=Scale(close=1.0, far=0.0, usual=0.7),
                ),
                "control-style": _ability("0.05", VARY, EDIT, canvas=_RATIOS, strength=Scale(close=1.0, far=0.0)),
            },
        )
    ),
)
