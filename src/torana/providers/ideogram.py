"""Ideogram: remixes of a picture by weight and words, and drawings from words.

Source: developer.ideogram.ai, version 1 of the API, which has the models 3.0 and 4.0; its price list of 2026-11-16.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from http import HTTPStatus

from msgspec import Struct

from torana.core.content import Size
from torana.core.errors import ToranaError
from torana.core.price import Price
from torana.dialects.multipart import form_message
from torana.dialects.openai_images import decode_fault
from torana.dialects.refusals import moderated
from torana.dialects.steps import Ask, Drawn, Link, Received, Send, Steps, empty
from torana.families.images import EDIT, GENERATE, VARY
from torana.media.jobs.preparing import Demands
from torana.providers.imaging.ability import Ability, Scale
from torana.providers.imaging.artist import declared
from torana.providers.imaging.canvas import Listed, Ratios
from torana.providers.imaging.vendor import Vendor, header

_V3, _V4 = "ideogram-v3", "ideogram-v4"
_SPEEDS: Mapping[str, str] = {
    "low": "TURBO",
    "medium": "DEFAULT",
    **dict.fromkeys(("high", "xhigh", "max", "hd"), "QUALITY"),
}
"""Their pace for our quality; else their default."""


class _Item(Struct):
    url: str | None = None
    prompt: str | None = None
    is_image_safe: bool = True


class _Reply(Struct):
    data: list[_Item] = []


def draw(ask: Ask) -> Steps:
    """One call; of its pictures the unsafe ones come without an address, and are charged for."""
    path = f"/v1/{ask.model}/{'remix' if ask.sources else 'generate'}"
    message = form_message(path, ask.given(**dict(_fields(ask))).items(), [("image", each) for each in ask.sources])
    items = (yield Send(message, submits=True)).read(_Reply).data
    if not items:
        raise empty()
    shown = [item for item in items if item.url and item.is_image_safe]
    if not shown:
        raise moderated()
    return Drawn(
        tuple(Link(str(item.url)) for item in shown),
        revised_prompt=shown[0].prompt,
        billed=len(items),
    )


def _fields(ask: Ask) -> Iterator[tuple[str, object]]:
    speed = _SPEEDS.get(ask.wishes.get("quality", ""))
    yield "image_weight", None if ask.strength is None else round(ask.strength)
    yield "rendering_speed", speed
    if ask.model == _V4:
        yield "text_prompt", ask.prompt
        yield "resolution", str(ask.size) if ask.size else None
    else:
        yield "prompt", ask.prompt
        yield "aspect_ratio", ask.ratio.replace(":", "x") if ask.ratio else None
        yield "num_images", ask.n
        yield "seed", ask.seed


def fault(received: Received) -> ToranaError:
    """What an error means; a refusal has a status of its own."""
    if received.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return moderated()
    return decode_fault(received)


_ALL = frozenset({VARY, EDIT, GENERATE})
# Its newest copy of the documentation says 25 MB, older ones 10.
_DEMANDS = Demands(max_bytes=10 * 1000**2)
_WEIGHT = Scale(close=100, far=1, usual=50)
_RATIOS = Ratios((
    "1:1", "1:3", "3:1", "1:2", "2:1", "9:16", "16:9", "10:16", "16:10", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4",
))  # fmt: skip
_SIZES = Listed(tuple(
    Size(*sides)
    for width, height in (
        (2048, 2048), (2880, 1440), (2496, 1664), (2240, 1792), (2560, 1440), (2560, 1600), (2304, 1728),
        (3168, 1296), (2944, 1152), (3328, 1248), (3072, 1280), (3072, 1024),
    )
    for sides in dict.fromkeys(((width, height), (height, width)))
))  # fmt: skip


def _speed(wishes: Mapping[str, str], _resolution: str | None) -> str:
    return _SPEEDS.get(wishes.get("quality", ""), "DEFAULT")


def _price(best: str) -> Price:
    kinds = {"TURBO": Decimal("0.03"), "DEFAULT": Decimal("0.06"), "QUALITY": Decimal(best)}
    return Price(dated="2026-11-16", source="ideogram.ai, for drawing; remixes taken to be alike", by_kind=kinds)


DECLARATIONS = (
    declared(
        Vendor(
            type="ideogram",
            summary="Ideogram: 3.0 and 4.0.",
            base_url="https://api.ideogram.ai",
            door=header("api-key"),
            draw=draw,
            fault=fault,
            abilities={
                _V3: Ability(
                    _ALL,
                    most=8,
                    canvas=_RATIOS,
                    demands=_DEMANDS,
                    inline=False,
                    strength=_WEIGHT,
                    most_seed=2**31 - 1,
                    wishes=frozenset({"quality"}),
                    price=_price("0.09"),
                    kind=_speed,
                ),
                _V4: Ability(
                    _ALL,
                    canvas=_SIZES,
                    demands=_DEMANDS,
                    inline=False,
                    strength=_WEIGHT,
                    wishes=frozenset({"quality"}),
                    price=_price("0.10"),
                    kind=_speed,
                ),
            },
        )
    ),
)
