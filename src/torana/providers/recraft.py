"""Recraft: variations without words, of up to six for one price; its models also change pictures and draw from words.

Source: recraft.ai's API reference. What its errors look like is inferred from those of its clients.
"""

from decimal import Decimal

from msgspec import Struct

from torana.core.content import Size
from torana.core.errors import ToranaError, UpstreamError
from torana.core.exchange import Message
from torana.core.price import Price
from torana.dialects.multipart import form_message
from torana.dialects.openai import decode_pictures
from torana.dialects.openai_images import decode_fault
from torana.dialects.refusals import moderated, unpaid
from torana.dialects.steps import Ask, Drawn, Received, Send, Steps, json_message
from torana.families.images import EDIT, GENERATE, VARY
from torana.media.jobs.preparing import Demands
from torana.providers.imaging.ability import Ability, Scale
from torana.providers.imaging.artist import declared
from torana.providers.imaging.canvas import Canvas, Listed, Shaped
from torana.providers.imaging.vendor import Vendor

REMIX = "remix"
"""Our name for the model behind its variations, which has none at Recraft."""
_UNITS_A_DOLLAR = 1000
_MODERATED = ("moderat", "nsfw", "not_allowed", "prohibited")
"""Parts of the codes of refusals."""
_UNPAID = "not_enough_credits"


class _Reply(Struct):
    credits: float | None = None
    """Units charged."""


class _Fault(Struct):
    code: str = ""


def draw(ask: Ask) -> Steps:
    """One call for all pictures, in base64."""
    received = yield Send(_message(ask), submits=True)
    pictures = decode_pictures(received.body)
    units = received.read(_Reply).credits
    return Drawn(pictures, charged=None if units is None else Decimal(str(units)) / _UNITS_A_DOLLAR)


def _message(ask: Ask) -> Message:
    usual = {"n": ask.n, "random_seed": ask.seed, "response_format": "b64_json", "image_format": ask.output_format}
    files = [("image", source) for source in ask.sources]
    size = str(ask.size) if ask.size else None
    if ask.operation == GENERATE:
        fields = ask.given(model=ask.model, prompt=ask.prompt, size=size, **usual)
        return json_message("POST", "/images/generations", fields)
    if ask.model == REMIX:
        return form_message("/images/variateImage", ask.given(size=size, **usual).items(), files)
    fields = ask.given(model=ask.model, prompt=ask.prompt, strength=ask.strength, **usual)
    return form_message("/images/imageToImage", fields.items(), files)


def fault(received: Received) -> ToranaError:
    """What an error means."""
    try:
        code = received.read(_Fault).code
    except UpstreamError:
        code = ""
    if any(word in code for word in _MODERATED):
        return moderated()
    if code == _UNPAID:
        return unpaid()
    return decode_fault(received)


_SOURCE = Demands(max_bytes=10 * 1000**2 - 1, max_pixels=16_000_000, least_side=256, most_side=4096)
_MOST_SEED = 2**31 - 1


def _upright_too(*wide: tuple[int, int]) -> Listed:
    sizes = {Size(*sides): None for width, height in wide for sides in ((width, height), (height, width))}
    return Listed(tuple(sizes))


_V3 = _upright_too(
    (1024, 1024), (2048, 1024), (1536, 1024), (1365, 1024), (1280, 1024), (1707, 1024), (1434, 1024), (1820, 1024)
)
_V4 = _upright_too(
    (1024, 1024), (1536, 768), (1280, 832), (1216, 896), (1152, 896), (1344, 832), (1280, 896), (1344, 768)
)
_V4_PRO = Listed(tuple(Size(2 * size.width, 2 * size.height) for size in _V4.sizes))


def _drawing(sizes: Canvas, image: str | None = None, *, at_most: str | None = None) -> Ability:
    """A model that needs words; one whose price we do not know for sure says itself what it charged."""
    return Ability(
        frozenset({VARY, EDIT, GENERATE}),
        most=6,
        canvas=Shaped(sizes, sizes),
        demands=_SOURCE,
        inline=False,
        strength=Scale(close=0.0, far=1.0),
        most_seed=_MOST_SEED,
        formats=frozenset({"png", "webp"}),
        price=Price(dated="2026-11-22", source="recraft.ai", per_image=Decimal(image)) if image else None,
        ceiling=Price(dated="2026-11-22", source="third parties", per_image=Decimal(at_most)) if at_most else None,
    )


DECLARATIONS = (
    declared(
        Vendor(
            type="recraft",
            summary="Recraft: native variations (`remix`), and its models V3 and V4.",
            base_url="https://external.api.recraft.ai/v1",
            draw=draw,
            fault=fault,
            abilities={
                REMIX: Ability(
                    frozenset({VARY}),
                    most=6,
                    canvas=_V3,
                    demands=_SOURCE,
                    inline=False,
                    prompted=False,
                    most_seed=_MOST_SEED,
                    formats=frozenset({"png", "webp"}),
                    price=Price(dated="2026-11-22", source="recraft.ai, for one to six", per_request=Decimal("0.04")),
                ),
                "recraftv3": _drawing(_V3, "0.04"),
                "recraftv4": _drawing(_V4, at_most="0.04"),
                "recraftv4_pro": _drawing(_V4_PRO, at_most="0.25"),
                "recraftv4_1": _drawing(_V4, at_most="0.04"),
                "recraftv4_1_pro": _drawing(_V4_PRO, "0.21"),
            },
        )
    ),
)
