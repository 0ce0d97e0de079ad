"""AUTOMATIC1111's web UI, and what grew from it (Forge, SD.Next): image to image, on a machine of your own.

Source: the routes of AUTOMATIC1111 and SD.Next (2026-07); what their fields default to is recalled.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from torana.config.upstreams import Account
from torana.core.errors import InvalidImage, ToranaError, UpstreamError
from torana.dialects.inline import from_base64
from torana.dialects.openai_images import decode_fault
from torana.dialects.steps import Ask, Drawn, Received, Send, Steps, empty, json_message
from torana.families.images import EDIT, GENERATE, VARY
from torana.media.jobs.preparing import Demands
from torana.providers.base import Lent
from torana.providers.imaging.ability import FREE, Ability, Scale
from torana.providers.imaging.artist import declared
from torana.providers.imaging.canvas import Stepped
from torana.providers.imaging.vendor import Vendor, bearer
from torana.upstream.signing.signer import Signer, basic

CURRENT: Final = "current"
"""Our name for whatever checkpoint the server has loaded."""
_ANY_SEED: Final = -1
_ORIGINAL: Final = 1
"""What is to be under the mask at first: what was there."""


class _Reply(Struct):
    images: list[str]


class _Fault(Struct):
    detail: object = None
    errors: object = None


def draw(ask: Ask) -> Steps:
    """One call for all pictures, made one after the other: a server has one card, and its memory is short."""
    path = "/sdapi/v1/img2img" if ask.sources else "/sdapi/v1/txt2img"
    reply = (yield Send(json_message("POST", path, _body(ask)), submits=True)).read(_Reply)
    if not reply.images:
        raise empty()
    return Drawn(tuple(map(from_base64, reply.images)))


def _body(ask: Ask) -> dict[str, object]:
    return ask.given(
        prompt=ask.prompt,
        negative_prompt=ask.wishes.get("negative_prompt"),
        init_images=[source.base64() for source in ask.sources] or None,
        denoising_strength=ask.strength,
        n_iter=ask.n,
        batch_size=1,
        seed=_ANY_SEED if ask.seed is None else ask.seed,
        width=ask.size.width if ask.size else None,
        height=ask.size.height if ask.size else None,
        override_settings=_settings(ask.model),
        # A checkpoint takes long to load: it stays for the next call.
        override_settings_restore_afterwards=False,
        **_masking(ask),
    )


def _settings(model: str) -> Mapping[str, object]:
    # A sheet of all pictures would come before the pictures themselves.
    settings: dict[str, object] = {"return_grid": False}
    return settings if model == CURRENT else settings | {"sd_model_checkpoint": model}


def _masking(ask: Ask) -> Mapping[str, object]:
    if ask.mask is None:
        return {}
    # Of a mask with transparency only that is looked at, and what is opaque is redrawn: ours is the other way round.
    return {"mask": ask.mask.base64(), "inpainting_mask_invert": 1, "inpainting_fill": _ORIGINAL}


def fault(received: Received) -> ToranaError:
    """What an error means: a picture that it cannot read is told with a status of 500."""
    try:
        told = received.read(_Fault)
    except UpstreamError:
        told = _Fault()
    if "Invalid encoded image" in (told.detail, told.errors):
        return InvalidImage("The upstream cannot use this picture.", code="image_parse_error")
    return decode_fault(received)


def door(account: Account, key: str | None, lent: Lent) -> Signer:
    """HTTP's Basic, as ``--api-auth USER:PASSWORD`` wants it; nothing without a key."""
    return basic(key) if key else bearer(account, None, lent)


_ABILITY = Ability(
    frozenset({VARY, EDIT, GENERATE}),
    most=10,
    canvas=Stepped(step=8, least=64, most=2048),
    demands=Demands(formats=("png", "jpeg"), opaque=True),
    # Instructions mean nothing to its models, which want a description or nothing.
    prompted=False,
    strength=Scale(close=0.1, far=1.0, usual=0.6),
    most_seed=2**32 - 1,
    mask=True,
    wishes=frozenset({"negative_prompt"}),
    price=FREE,
)

DECLARATIONS = (
    declared(
        Vendor(
            type="automatic1111",
            summary="AUTOMATIC1111, Forge or SD.Next, on a machine of your own: image to image.",
            draw=draw,
            fault=fault,
            door=door,
            abilities={CURRENT: _ABILITY, "*": _ABILITY},
            needs=frozenset(),
            note=f"Models are named as its list of checkpoints names them; `{CURRENT}` is the one that is loaded.",
        )
    ),
)
