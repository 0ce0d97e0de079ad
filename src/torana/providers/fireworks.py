"""Fireworks: FLUX.1 Kontext, by jobs that are asked after with a POST.

Source: docs.fireworks.ai; Vercel's AI SDK for what its replies look like.
"""

from decimal import Decimal

from msgspec import Struct

from torana.core.errors import ToranaError
from torana.core.price import Price
from torana.dialects.inline import from_base64
from torana.dialects.openai_images import decode_fault
from torana.dialects.openai_language import Manner
from torana.dialects.refusals import job_failed, moderated, unpaid
from torana.dialects.steps import Ask, Drawn, Link, Poll, Received, Send, Steps, empty, json_message
from torana.families.images import EDIT, GENERATE, VARY
from torana.media.jobs.preparing import Demands
from torana.providers.imaging.ability import Ability
from torana.providers.imaging.artist import declared
from torana.providers.imaging.canvas import Ratios
from torana.providers.imaging.vendor import Vendor
from torana.providers.language import speaking
from torana.providers.language.openai import CHAT, COMPLETE, EMBED, LISTEN, RERANK, RESPOND, offering
from torana.providers.speaking import OLD_BOUND

_WAITING = frozenset({"Pending", "Task not found"})
"""A job is not found until it has begun."""
_MODERATED = frozenset({"Request Moderated", "Content Moderated"})
_UNPAID = frozenset({402, 412})
"""The second is for accounts that are suspended."""


class _Job(Struct):
    request_id: str


class _Sample(Struct):
    sample: str | None = None


class _Status(Struct):
    status: str
    result: _Sample | None = None


def draw(ask: Ask) -> Steps:
    """Submit, ask after the job until it ends, take the picture or the link to it."""
    path = f"/workflows/accounts/fireworks/models/{ask.model}"
    job = (yield Send(json_message("POST", path, _body(ask)), submits=True)).read(_Job)
    poll = Poll(json_message("POST", f"{path}/get_result", {"id": job.request_id}))
    status = (yield poll).read(_Status)
    while status.status in _WAITING:
        status = (yield poll).read(_Status)
    if status.status != "Ready":
        raise _ended(status.status)
    if status.result is None or not status.result.sample:
        raise empty()
    return Drawn((_picture(status.result.sample),))


def _body(ask: Ask) -> dict[str, object]:
    return ask.given(
        prompt=ask.prompt,
        input_image=ask.sources[0].data_uri() if ask.sources else None,
        aspect_ratio=ask.ratio,
        seed=ask.seed,
        output_format=ask.output_format,
    )


def _picture(sample: str) -> bytes | Link:
    if sample.startswith(("https://", "http://")):
        return Link(sample)
    return from_base64(sample)


def _ended(status: str) -> ToranaError:
    if status in _MODERATED:
        return moderated()
    return job_failed()


def fault(received: Received) -> ToranaError:
    """What an error means."""
    if received.status in _UNPAID:
        return unpaid()
    return decode_fault(received)


def _kontext(image: str) -> Ability:
    return Ability(
        frozenset({VARY, EDIT, GENERATE}),
        canvas=Ratios(("1:1", "3:4", "4:3", "2:3", "3:2", "9:16", "16:9", "3:7", "7:3", "21:9", "9:21")),
        demands=Demands(formats=("jpeg", "png", "webp"), max_bytes=10 * 1000**2),
        most_seed=2**31 - 1,
        formats=frozenset({"jpeg", "png"}),
        price=Price(dated="2026-11-22", source="third parties", per_image=Decimal(image)),
    )


LANGUAGE = offering(
    CHAT,
    COMPLETE,
    RESPOND,
    EMBED,
    RERANK,
    *LISTEN,
    manner=Manner(renamed=OLD_BOUND, knows=frozenset({"top_k"}), thoughts="reasoning_content"),
)

DECLARATIONS = (
    speaking(
        declared(
            Vendor(
                type="fireworks",
                aliases=frozenset({"fireworks_ai"}),
                summary="Fireworks: open models of language, and FLUX.1 Kontext.",
                base_url="https://api.fireworks.ai/inference/v1",
                draw=draw,
                fault=fault,
                abilities={"flux-kontext-pro": _kontext("0.04"), "flux-kontext-max": _kontext("0.08")},
            )
        ),
        LANGUAGE,
    ),
)
