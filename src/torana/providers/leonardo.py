"""Leonardo: a source goes up to a store of its own first, and the work is a job that is asked after.

Source: Leonardo's specification and its list of errors; what its moderation says is inferred.
"""

from collections.abc import Generator
from decimal import Decimal, InvalidOperation

import msgspec
from msgspec import Struct

from torana.core.errors import ToranaError, UpstreamAuth, UpstreamError
from torana.dialects.multipart import form_message
from torana.dialects.openai_images import decode_fault
from torana.dialects.refusals import job_failed, moderated, unpaid
from torana.dialects.steps import (
    Ask,
    Drawn,
    Link,
    Poll,
    Received,
    Send,
    Sent,
    Steps,
    empty,
    get,
    json_message,
    unreadable,
)  # fmt: skip
from torana.families.images import EDIT, GENERATE, VARY
from torana.media.jobs.preparing import Demands
from torana.providers.imaging.ability import Ability, Scale
from torana.providers.imaging.artist import declared
from torana.providers.imaging.canvas import Stepped
from torana.providers.imaging.vendor import Vendor

_DOLLARS = frozenset({"DOLLARS", "USD", ""})
_WRONG_KEY = ("authorization hook", "authentication hook")
_MODERATED = ("moderat", "nsfw")
_UNPAID = ("not enough", "insufficient")
"""Parts of what it says."""


class _Place(Struct):
    id: str
    url: str
    fields: str
    """An object in JSON, within JSON: the form that the store wants."""


class _Upload(Struct, rename={"place": "uploadInitImage"}):
    place: _Place


class _Cost(Struct):
    amount: str | float
    unit: str = ""


class _Job(Struct, rename={"generation_id": "generationId"}):
    generation_id: str
    cost: _Cost | float | str | None = None


class _Submitted(Struct, rename={"job": "sdGenerationJob"}):
    job: _Job


class _Image(Struct):
    url: str
    nsfw: bool = False


class _Generation(Struct):
    status: str
    generated_images: list[_Image] = []


class _Status(Struct, rename={"generation": "generations_by_pk"}):
    generation: _Generation


class _Fault(Struct):
    error: object = None


def draw(ask: Ask) -> Steps:
    """Bring the source to its store, submit, ask after the job until it ends, take the links."""
    source = (yield from _uploaded(ask.sources[0])) if ask.sources else None
    job = (yield Send(json_message("POST", "/generations", _body(ask, source)), submits=True)).read(_Submitted).job
    poll = Poll(get(f"/generations/{job.generation_id}"))
    generation = (yield poll).read(_Status).generation
    while generation.status == "PENDING":
        generation = (yield poll).read(_Status).generation
    if generation.status != "COMPLETE":
        raise job_failed()
    images = generation.generated_images
    shown = tuple(Link(image.url) for image in images if not image.nsfw)
    if not shown:
        raise moderated() if images else empty()
    return Drawn(shown, charged=_dollars(job.cost), billed=len(images))


def _uploaded(source: Sent) -> Generator[Send, Received, str]:
    """Where the source is in the store; it goes there by a form that the store has signed, without our key."""
    message = json_message("POST", "/init-image", {"extension": source.info.format})
    place = (yield Send(message)).read(_Upload).place
    try:
        fields = msgspec.json.decode(place.fields, type=dict[str, str])
    except ValueError as error:
        raise unreadable() from error
    yield Send(form_message("/", fields.items(), [("file", source)]), url=place.url, open=True)
    return place.id


def _body(ask: Ask, source: str | None) -> dict[str, object]:
    return ask.given(
        modelId=ask.model,
        prompt=ask.prompt,
        num_images=ask.n,
        width=ask.size.width if ask.size else None,
        height=ask.size.height if ask.size else None,
        init_image_id=source,
        init_strength=ask.strength,
        seed=ask.seed,
        public=False,
    )


def _dollars(cost: _Cost | float | str | None) -> Decimal | None:
    """What it charged; None where that is in credits, whose worth depends on the plan."""
    if not isinstance(cost, _Cost) or cost.unit not in _DOLLARS:
        return None
    try:
        dollars = Decimal(str(cost.amount))
    except InvalidOperation:
        return None
    return dollars if dollars.is_finite() else None


def fault(received: Received) -> ToranaError:
    """What an error means, by its sentence: wrong keys and bad requests have the same status and code."""
    try:
        error = received.read(_Fault).error
    except UpstreamError:
        error = None
    told = error.lower() if isinstance(error, str) else ""
    if any(words in told for words in _WRONG_KEY):
        return UpstreamAuth("The upstream did not accept the gateway's credentials.")
    if any(word in told for word in _MODERATED):
        return moderated()
    if any(word in told for word in _UNPAID):
        return unpaid()
    return decode_fault(received)


DECLARATIONS = (
    declared(
        Vendor(
            type="leonardo",
            summary="Leonardo: its own models and its users', each named by its id.",
            base_url="https://cloud.leonardo.ai/api/rest/v1",
            # Sources go to a bucket of Amazon's that its reply names, without our key.
            hosts=("amazonaws.com",),
            draw=draw,
            fault=fault,
            abilities={
                "*": Ability(
                    frozenset({VARY, EDIT, GENERATE}),
                    # Eight where no side is above 768 pixels.
                    most=4,
                    canvas=Stepped(step=8, least=32, most=1536),
                    demands=Demands(max_bytes=5 * 1000**2, most_side=1536),
                    inline=False,
                    strength=Scale(close=0.9, far=0.1),
                    most_seed=2**31 - 1,
                )
            },
        )
    ),
)
