"""Together AI: FLUX models behind an endpoint much like OpenAI's, which takes sources too.

Source: its Python client 3.1.1; docs.together.ai; prices by third parties.
"""

from decimal import Decimal

from msgspec import Struct

from torana.core.errors import ToranaError, UpstreamError
from torana.core.price import Price
from torana.dialects.openai import decode_pictures
from torana.dialects.openai_images import decode_fault
from torana.dialects.openai_language import Manner
from torana.dialects.refusals import moderated
from torana.dialects.steps import Ask, Drawn, Received, Send, Steps, json_message
from torana.families.images import EDIT, GENERATE, VARY
from torana.media.jobs.preparing import Demands
from torana.providers.imaging.ability import Ability
from torana.providers.imaging.artist import declared
from torana.providers.imaging.canvas import Canvas, Stepped
from torana.providers.imaging.vendor import Vendor
from torana.providers.language import speaking
from torana.providers.language.openai import CHAT, COMPLETE, EMBED, LISTEN, RERANK, SPEAK, offering
from torana.providers.speaking import OLD_BOUND

_ALL = frozenset({VARY, EDIT, GENERATE})
_MODERATED = ("nsfw", "moderat", "content_policy", "safety")
"""Parts of the codes and types of refusals."""


class _Error(Struct):
    type: str | None = None
    code: str | int | None = None
    message: str | None = None


class _Fault(Struct):
    error: _Error


def draw(ask: Ask) -> Steps:
    """One call; the word for base64 is ``base64``, and the reply still calls it ``b64_json``."""
    received = yield Send(json_message("POST", "/v1/images/generations", _body(ask)), submits=True)
    return Drawn(decode_pictures(received.body))


def _body(ask: Ask) -> dict[str, object]:
    sources = [source.data_uri() for source in ask.sources]
    is_kontext = "kontext" in ask.model
    return ask.given(
        model=ask.model,
        prompt=ask.prompt,
        image_url=sources[0] if sources and is_kontext else None,
        reference_images=sources if sources and not is_kontext else None,
        width=ask.size.width if ask.size else None,
        height=ask.size.height if ask.size else None,
        n=ask.n,
        seed=ask.seed,
        output_format=ask.output_format,
        response_format="base64",
    )


def fault(received: Received) -> ToranaError:
    """What an error in nearly OpenAI's shape means."""
    try:
        error = received.read(_Fault).error
    except UpstreamError:
        error = _Error()
    told = f"{error.type} {error.code}".lower()
    if any(word in told for word in _MODERATED) or "nsfw" in (error.message or "").lower():
        return moderated()
    return decode_fault(received)


def _flux(canvas: Canvas, sources: int, megapixel: str | None = None) -> Ability:
    return Ability(
        _ALL,
        canvas=canvas,
        demands=Demands(formats=("jpeg", "png", "webp"), max_bytes=10 * 1000**2),
        sources=sources,
        most_seed=2**31 - 1,
        formats=frozenset({"jpeg", "png"}),
        price=Price(dated="2026-11-22", source="third parties", per_megapixel=Decimal(megapixel))
        if megapixel
        else None,
    )


_KONTEXT = Stepped(step=16, least=256, most=1440)
_FLUX2 = Stepped(step=32, least=256, most=2048, most_pixels=4_000_000)

LANGUAGE = offering(
    CHAT,
    COMPLETE,
    EMBED,
    RERANK,
    SPEAK,
    *LISTEN,
    manner=Manner(renamed=OLD_BOUND, knows=frozenset({"top_k"}), thoughts="reasoning"),
    prefix="/v1",
)

DECLARATIONS = (
    speaking(
        declared(
            Vendor(
                type="together",
                aliases=frozenset({"together_ai"}),
                summary="Together AI: open models of language, FLUX.1 Kontext and FLUX.2.",
                base_url="https://api.together.ai",
                draw=draw,
                fault=fault,
                abilities={
                    "black-forest-labs/FLUX.1-kontext-pro": _flux(_KONTEXT, 1, "0.04"),
                    "black-forest-labs/FLUX.1-kontext-max": _flux(_KONTEXT, 1, "0.08"),
                    "black-forest-labs/FLUX.2-pro": _flux(_FLUX2, 8, "0.03"),
                    "black-forest-labs/FLUX.2-max": _flux(_FLUX2, 8),
                    "black-forest-labs/FLUX.2-flex": _flux(_FLUX2, 8),
                    "black-forest-labs/FLUX.2-dev": _flux(_FLUX2, 8),
                },
            )
        ),
        LANGUAGE,
    ),
)
