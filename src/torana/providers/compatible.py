"""Vendors and servers of pictures that speak OpenAI's dialect and differ only in facts: one row each.

Source: DeepInfra's and NVIDIA's documentation; the sources of Lemonade and stable-diffusion.cpp (2026-08), Xinference
4.1.0, vLLM-Omni 0.30.0 and SGLang 0.5.23.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Final

import msgspec

from torana.core.price import Price
from torana.dialects.openai_images import Speech, drawing
from torana.dialects.openai_language import Manner
from torana.dialects.steps import Ask, Steps
from torana.families.images import EDIT, GENERATE, VARY
from torana.media.jobs.preparing import Demands
from torana.providers.imaging.ability import FREE, Ability, Scale
from torana.providers.imaging.artist import declared
from torana.providers.imaging.canvas import AnySize, Stepped
from torana.providers.imaging.vendor import Vendor
from torana.providers.language import speaking
from torana.providers.language.openai import CHAT, COMPLETE, EMBED, LISTEN, MODERATE, RERANK, RESPOND, SPEAK, offering
from torana.providers.serving import OPEN, OWN

_VARIES = frozenset({VARY})
_DRAWS = frozenset({VARY, EDIT, GENERATE})
_MOST_SEED = 2**31 - 1
_NEGATIVE = frozenset({"negative_prompt"})

REDUX = "black-forest-labs/FLUX-1-Redux-dev"
_redux = drawing(Speech(vary_by=VARY, image_field="image"))
_deepinfra_edits = drawing(Speech(image_field="image"))


def draw_at_deepinfra(ask: Ask) -> Steps:
    """Redux varies natively, all others by an edit."""
    return (_redux if ask.model == REDUX else _deepinfra_edits)(ask)


_XINFERENCE = frozenset({"model", "prompt", "n", "size", "response_format"})


def for_xinference(fields: dict[str, object]) -> dict[str, object]:
    """Xinference takes fields that are none of OpenAI's in one, as JSON."""
    known = {name: value for name, value in fields.items() if name in _XINFERENCE}
    others = {name: value for name, value in fields.items() if name not in _XINFERENCE}
    return known | ({"kwargs": msgspec.json.encode(others).decode()} if others else {})


_xinference = drawing(
    Speech(
        vary_by=VARY,
        image_field="image",
        sends_user=False,
        prompted_variations=True,
        rewritten=for_xinference,
    )
)


def draw_at_xinference(ask: Ask) -> Steps:
    """Its endpoint for variations takes a prompt and all fields, which that for edits does not."""
    return _xinference(msgspec.structs.replace(ask, operation=VARY) if ask.operation == EDIT else ask)


_TAG: Final = "sd_cpp_extra_args"
_SD_CPP = frozenset({"prompt", "n", "size", "output_format", "output_compression"})


def for_stable_diffusion_cpp(fields: dict[str, object]) -> dict[str, object]:
    """stable-diffusion.cpp takes further fields as JSON within a tag in the prompt, and none but ours may be there.

    Where it is told no seed, it uses the same one every time: -1 stands for any.
    """
    known = {name: value for name, value in fields.items() if name in _SD_CPP}
    others = {"seed": -1} | {name: value for name, value in fields.items() if name not in _SD_CPP}
    # Within JSON, no text may end the tag.
    aside = msgspec.json.encode(others).decode().replace("<", "\\u003c")
    return known | {"prompt": f"{_untagged(known.get('prompt'))}<{_TAG}>{aside}</{_TAG}>"}


def for_lemonade(fields: dict[str, object]) -> dict[str, object]:
    """Lemonade hands the prompt on to stable-diffusion.cpp as it is."""
    return fields | ({"prompt": _untagged(fields["prompt"])} if "prompt" in fields else {})


def _untagged(words: object) -> str:
    return str(words).replace(_TAG, _TAG.replace("_", " "))


_SERVER = Ability(
    _DRAWS,
    most=10,
    inline=False,
    sources=4,
    canvas=Stepped(step=16, least=64, most=4096),
    most_seed=_MOST_SEED,
    wishes=_NEGATIVE | {"background", "output_compression"},
    formats=frozenset({"png", "jpeg", "webp"}),
    price=FREE,
)
"""A diffusion server that serves many models with OpenAI's words."""

_ROWS = (
    Vendor(
        type="openai-compatible",
        aliases=frozenset({"openai_like", "custom_openai", "litellm_proxy"}),
        summary="Any server that speaks as OpenAI does, of pictures and of language.",
        draw=drawing(Speech(vary_by=VARY, image_field="image")),
        abilities={
            "*": Ability(_DRAWS, most=10, inline=False, sources=16, prompted=False, mask=True, canvas=AnySize()),
        },
        needs=frozenset(),
    ),
    Vendor(
        type="deepinfra",
        summary="DeepInfra: FLUX Redux, which varies natively, models that edit and draw, and open models of language.",
        base_url="https://api.deepinfra.com/v1/openai",
        draw=draw_at_deepinfra,
        abilities={
            REDUX: Ability(
                _VARIES,
                most=4,
                inline=False,
                prompted=False,
                canvas=Stepped(step=16, least=256, most=1440),
                price=Price(
                    dated="2026-11-22",
                    source="DeepInfra's documentation, at 25 steps",
                    per_megapixel=Decimal("0.01144"),
                ),
            ),
            "Wan-AI/Wan2.7-Image-Edit": Ability(
                _DRAWS,
                inline=False,
                canvas=Stepped(step=16, least=256, most=2048),
                price=Price(dated="2026-11-22", source="deepinfra.com", per_image=Decimal("0.03")),
            ),
            "*": Ability(_DRAWS, inline=False, sources=4, canvas=Stepped(step=16, least=256, most=1440)),
        },
    ),
    Vendor(
        type="lemonade",
        summary="Lemonade (AMD), on a machine of your own: varies natively, edits and draws.",
        draw=drawing(Speech(vary_by=VARY, sends_user=False, rewritten=for_lemonade)),
        abilities={
            "*": Ability(
                _DRAWS,
                most=10,
                inline=False,
                prompted=False,
                mask=True,
                canvas=Stepped(step=64, least=64, most=2048),
                demands=Demands(formats=("png",)),
                price=FREE,
            )
        },
        needs=frozenset(),
        note="Its stable-diffusion.cpp backend starts every variation from the same seed, so that asking again for the "
        "same picture gives the same variations.",
    ),
    Vendor(
        type="xinference",
        summary="Xinference, on a machine of your own: varies natively with a prompt, edits and draws.",
        draw=draw_at_xinference,
        abilities={
            "*": Ability(
                _DRAWS,
                most=10,
                inline=False,
                sources=4,
                canvas=Stepped(step=16, least=64, most=2048),
                strength=Scale(close=0.1, far=1.0, usual=0.6),
                most_seed=_MOST_SEED,
                price=FREE,
            )
        },
        needs=frozenset(),
    ),
    Vendor(
        type="vllm-omni",
        summary="vLLM-Omni, on a machine of your own: models that edit and draw.",
        # It serves one model, and refuses any name that is not exactly the one it was started with.
        draw=drawing(Speech(sends_model=False, sends_user=False)),
        abilities={"*": replace(_SERVER, most_seed=2**63 - 1)},
        needs=frozenset(),
    ),
    Vendor(
        type="sglang",
        summary="SGLang, on a machine of your own: language, and models that edit and draw.",
        draw=drawing(Speech(sends_user=False)),
        abilities={"*": _SERVER},
        needs=frozenset(),
    ),
    Vendor(
        type="stable-diffusion-cpp",
        summary="stable-diffusion.cpp's server, on a machine of your own: edits and draws.",
        draw=drawing(
            Speech(
                single_image_field=None,
                sends_model=False,
                wants_base64=None,
                sends_user=False,
                rewritten=for_stable_diffusion_cpp,
            )
        ),
        abilities={
            "*": Ability(
                _DRAWS,
                most=10,
                inline=False,
                sources=4,
                mask=True,
                canvas=Stepped(step=64, least=64, most=2048),
                demands=Demands(formats=("png", "jpeg")),
                # Of no effect on models that take a picture for reference, such as FLUX Kontext.
                strength=Scale(close=0.1, far=1.0, usual=0.6),
                most_seed=_MOST_SEED,
                wishes=_NEGATIVE | {"output_compression"},
                formats=frozenset({"png", "jpeg"}),
                price=FREE,
            )
        },
        needs=frozenset(),
    ),
    Vendor(
        type="nim",
        aliases=frozenset({"nvidia_nim"}),
        summary="NVIDIA NIM, on a machine of your own: language, and models that edit and draw.",
        draw=drawing(Speech(image_field="image", sends_user=False)),
        abilities={
            "*": Ability(
                _DRAWS,
                inline=False,
                canvas=Stepped(step=16, least=512, most=1568),
                demands=Demands(formats=("png", "jpeg")),
                most_seed=_MOST_SEED,
                price=FREE,
            )
        },
        needs=frozenset(),
    ),
)

_TALK = (CHAT, COMPLETE)
_ALL = (*_TALK, EMBED, RERANK, MODERATE, SPEAK, *LISTEN)
_LANGUAGE = {
    "openai-compatible": offering(*_ALL),
    "deepinfra": offering(
        *_TALK, EMBED, SPEAK, *LISTEN, manner=Manner(cost="estimated_cost", knows=frozenset({"top_k"}))
    ),
    "lemonade": offering(*_TALK, EMBED, RERANK, RESPOND, manner=OPEN, models=OWN),
    "xinference": offering(*_TALK, EMBED, RERANK, SPEAK, *LISTEN, manner=OPEN, models=OWN),
    "vllm-omni": offering(CHAT, SPEAK, manner=OPEN, models=OWN),
    "sglang": offering(*_TALK, EMBED, RERANK, RESPOND, manner=OPEN, models=OWN),
    "nim": offering(*_TALK, EMBED, manner=OPEN, models=OWN),
}
"""What those offer of language that do."""

DECLARATIONS = tuple(
    speaking(declared(row), _LANGUAGE[row.type]) if row.type in _LANGUAGE else declared(row) for row in _ROWS
)
