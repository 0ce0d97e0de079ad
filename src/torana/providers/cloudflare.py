"""Cloudflare Workers AI: FLUX.2, which takes forms even without a picture, FLUX.1 schnell and Stable Diffusion 1.5.

Source: Cloudflare's model pages, changelog and list of errors; its client 5.9.0.
"""

from collections.abc import Mapping

from msgspec import Struct

from torana.core.errors import ToranaError, UpstreamError
from torana.core.exchange import Message
from torana.dialects.inline import from_base64
from torana.dialects.multipart import form_message
from torana.dialects.openai_images import decode_fault
from torana.dialects.refusals import moderated, unpaid
from torana.dialects.steps import Ask, Drawn, Received, Send, Steps, empty, json_message
from torana.families.images import EDIT, GENERATE, VARY
from torana.media.jobs.preparing import Demands
from torana.providers.imaging.ability import Ability, Scale
from torana.providers.imaging.artist import declared
from torana.providers.imaging.canvas import Stepped
from torana.providers.imaging.vendor import Vendor

_FLUX2 = "@cf/black-forest-labs/flux-2-"
_UNPAID = 3036
_FLAGGED = 3030
_FLAGGED_WORD = "nsfw"
"""A code of several meanings; its message says which."""


class _Error(Struct):
    code: int | None = None
    message: str = ""


class _Picture(Struct):
    image: str = ""


class _Reply(Struct):
    result: _Picture | None = None


class _Fault(Struct):
    errors: list[_Error] = []


def draw(ask: Ask) -> Steps:
    """One call for one picture: in base64, or from the oldest model as bare bytes."""
    path = f"/{ask.model}"
    if ask.model.startswith(_FLUX2):
        received = yield Send(_form(path, ask), submits=True)
    else:
        received = yield Send(json_message("POST", path, _body(ask)), submits=True)
    if received.headers.get("content-type", "").startswith("image/"):
        return Drawn((received.body,))
    result = received.read(_Reply).result
    if result is None or not result.image:
        raise empty()
    return Drawn((from_base64(result.image),))


def _form(path: str, ask: Ask) -> Message:
    files = [(f"input_image_{index}", source) for index, source in enumerate(ask.sources)]
    return form_message(path, ask.given(prompt=ask.prompt, **_sides(ask), seed=ask.seed).items(), files)


def _body(ask: Ask) -> dict[str, object]:
    picture = ask.sources[0].base64() if ask.sources else None
    return ask.given(prompt=ask.prompt, image_b64=picture, strength=ask.strength, **_sides(ask), seed=ask.seed)


def _sides(ask: Ask) -> Mapping[str, int]:
    return {"width": ask.size.width, "height": ask.size.height} if ask.size else {}


def fault(received: Received) -> ToranaError:
    """What an error means, by the number it has there."""
    try:
        errors = received.read(_Fault).errors
    except UpstreamError:
        errors = []
    if any(each.code == _FLAGGED and _FLAGGED_WORD in each.message.lower() for each in errors):
        return moderated()
    if any(each.code == _UNPAID for each in errors):
        return unpaid()
    return decode_fault(received)


_MOST_SEED = 2**31 - 1
_MULTIREFERENCE = Ability(
    frozenset({VARY, EDIT, GENERATE}),
    canvas=Stepped(step=16, least=256, most=1920),
    demands=Demands(most_side=512),
    inline=False,
    sources=4,
    most_seed=_MOST_SEED,
)

DECLARATIONS = (
    declared(
        Vendor(
            type="cloudflare",
            summary="Cloudflare Workers AI: FLUX.2, FLUX.1 schnell and Stable Diffusion 1.5.",
            base_url="https://api.cloudflare.com/client/v4/accounts/{account_id}/ai/run",
            options={"account_id": "The account's id, 32 hexadecimal digits."},
            needs=frozenset({"api_key", "account_id"}),
            draw=draw,
            fault=fault,
            abilities={
                **dict.fromkeys((f"{_FLUX2}dev", f"{_FLUX2}klein-4b", f"{_FLUX2}klein-9b"), _MULTIREFERENCE),
                "@cf/black-forest-labs/flux-1-schnell": Ability(frozenset({GENERATE}), most_seed=_MOST_SEED),
                "@cf/runwayml/stable-diffusion-v1-5-img2img": Ability(
                    frozenset({VARY, EDIT}),
                    canvas=Stepped(step=8, least=256, most=1024),
                    demands=Demands(formats=("png", "jpeg"), most_side=1024),
                    strength=Scale(close=0.05, far=1.0),
                    most_seed=_MOST_SEED,
                ),
            },
        )
    ),
)
