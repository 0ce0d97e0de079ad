"""LocalAI: pictures by one endpoint for all, in OpenAI's shape but for the sources, on a machine of your own.

Source: its source, 2026-08; that a picture beside the first goes into ``ref_images`` is inferred.
"""

import secrets
from typing import Final

from torana.dialects.openai_images import read_drawn
from torana.dialects.steps import Ask, Send, Steps, json_message
from torana.families.images import EDIT, GENERATE, VARY
from torana.media.jobs.preparing import Demands
from torana.providers.imaging.ability import FREE, Ability
from torana.providers.imaging.artist import declared
from torana.providers.imaging.canvas import Stepped
from torana.providers.imaging.vendor import Vendor
from torana.providers.language import speaking
from torana.providers.language.openai import CHAT, COMPLETE, EMBED, LISTEN, RERANK, RESPOND, SPEAK, offering
from torana.providers.serving import OPEN, OWN

_MOST_SEED: Final = 2**31 - 1
_AGAINST: Final = "|"
"""Parts what is to be shown from what is not."""


def draw(ask: Ask) -> Steps:
    """One call."""
    # Without the prefix of a data URI, which it cannot decode, and then says nothing.
    sources = [source.base64() for source in ask.sources]
    body = ask.given(
        model=ask.model,
        prompt=_words(ask),
        n=ask.n,
        size=str(ask.size) if ask.size else None,
        file=sources[0] if sources else None,
        ref_images=sources[1:] or None,
        # Many of its models are set up with a seed, which would make the same picture each time.
        seed=secrets.randbelow(_MOST_SEED) if ask.seed is None else ask.seed,
        response_format="b64_json",
    )
    return read_drawn((yield Send(json_message("POST", "/images/generations", body), submits=True)))


def _words(ask: Ask) -> str:
    words, against = (text.replace(_AGAINST, "/") for text in (ask.prompt, ask.wishes.get("negative_prompt", "")))
    return f"{words}{_AGAINST}{against}" if against else words


LANGUAGE = offering(CHAT, COMPLETE, RESPOND, EMBED, RERANK, SPEAK, *LISTEN, manner=OPEN, models=OWN)

DECLARATIONS = (
    speaking(
        declared(
            Vendor(
                type="localai",
                summary="LocalAI, on a machine of your own: language, sound, and models that edit and draw.",
                draw=draw,
                abilities={
                    "*": Ability(
                        frozenset({VARY, EDIT, GENERATE}),
                        # It makes several with one seed, and so the same picture several times.
                        most=1,
                        canvas=Stepped(step=8, least=64, most=2048),
                        demands=Demands(formats=("png", "jpeg")),
                        sources=4,
                        most_seed=_MOST_SEED,
                        wishes=frozenset({"negative_prompt"}),
                        price=FREE,
                    )
                },
                needs=frozenset(),
            )
        ),
        LANGUAGE,
    ),
)
