"""Hugging Face: its own inference, and fal's by way of its router; a model is ``PROVIDER/ID``, the id as known there.

Source: huggingface_hub 2.4.0 and @huggingface/inference 4.5.3, which are clients of both.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from msgspec import Struct

from torana.core.errors import InvalidRequest, ToranaError, UpstreamError
from torana.dialects.openai_language import Manner
from torana.dialects.refusals import job_failed, moderated
from torana.dialects.steps import Ask, Drawn, Link, Poll, Received, Send, Steps, empty, get, json_message, unreadable
from torana.families.images import EDIT, GENERATE, VARY
from torana.providers.fal import fault as fal_fault
from torana.providers.imaging.ability import Ability
from torana.providers.imaging.artist import declared
from torana.providers.imaging.canvas import Stepped
from torana.providers.imaging.vendor import Vendor
from torana.providers.language import speaking
from torana.providers.language.openai import CHAT, RESPOND, offering
from torana.providers.speaking import OLD_BOUND

_QUEUE = "?_subdomain=queue"
_WAITING = frozenset({"IN_QUEUE", "IN_PROGRESS"})
_MAX_WAIT = 60.0


class _Job(Struct):
    response_url: str


class _Status(Struct):
    status: str


class _Image(Struct):
    url: str


class _Result(Struct):
    images: list[_Image] = []
    has_nsfw_concepts: list[bool] | None = None


class _Loading(Struct):
    estimated_time: float | None = None


def draw(ask: Ask) -> Steps:
    """In the way of the provider whom the model's name begins with; InvalidRequest for others."""
    provider, _, model = ask.model.partition("/")
    way = _WAYS.get(provider)
    if way is None:
        known = ", ".join(sorted(_WAYS))
        raise InvalidRequest(
            f"This model's name must begin with its provider: {known}.", param="model", code="unsupported_model"
        )
    return way(ask, model)


def _at_home(ask: Ask, model: str) -> Steps:
    """One call, answered with bare bytes."""
    size = _sides(ask)
    if ask.sources:
        fields = ask.given(prompt=ask.prompt, target_size=size, seed=ask.seed)
        body: dict[str, object] = {"inputs": ask.sources[0].base64(), "parameters": fields}
    else:
        body = {"inputs": ask.prompt, "parameters": ask.given(**(size or {}), seed=ask.seed)}
    received = yield Send(json_message("POST", f"/hf-inference/models/{_quoted(model)}", body), submits=True)
    if not received.headers.get("content-type", "").startswith("image/"):
        raise unreadable()
    return Drawn((received.body,))


def _at_fal(ask: Ask, model: str) -> Steps:
    """A job in a queue: the address it gives is fal's own, and its path the same behind the router."""
    job = (yield Send(json_message("POST", f"/fal-ai/{_quoted(model)}{_QUEUE}", _fals_body(ask)), submits=True)).read(
        _Job
    )
    path = f"/fal-ai{_path(job.response_url)}"
    status = (yield Poll(get(f"{path}/status{_QUEUE}"))).read(_Status)
    while status.status in _WAITING:
        status = (yield Poll(get(f"{path}/status{_QUEUE}"))).read(_Status)
    if status.status != "COMPLETED":
        raise job_failed()
    result = (yield Send(get(f"{path}{_QUEUE}"))).read(_Result)
    if not result.images:
        raise empty()
    flagged = {index for index, flag in enumerate(result.has_nsfw_concepts or ()) if flag}
    pictures = tuple(Link(image.url) for index, image in enumerate(result.images) if index not in flagged)
    if not pictures:
        raise moderated()
    return Drawn(pictures, billed=len(result.images))


_WAYS: Mapping[str, Callable[[Ask, str], Steps]] = {"hf-inference": _at_home, "fal-ai": _at_fal}


def _fals_body(ask: Ask) -> dict[str, object]:
    sources = [source.data_uri() for source in ask.sources]
    # Some of its models read the one, some the other.
    both = {"image_url": sources[0], "image_urls": sources} if sources else {}
    return ask.given(prompt=ask.prompt, **both, image_size=_sides(ask), seed=ask.seed)


def _sides(ask: Ask) -> dict[str, int] | None:
    return {"width": ask.size.width, "height": ask.size.height} if ask.size else None


def _quoted(model: str) -> str:
    return quote(model, safe="/:@")


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError as error:
        raise unreadable() from error


def fault(received: Received) -> ToranaError:
    """What an error means: a model that is being loaded, or what fal's own errors mean."""
    error = fal_fault(received)
    if received.status == HTTPStatus.SERVICE_UNAVAILABLE:
        error.retry_after = _loading(received)
    return error


def _loading(received: Received) -> float | None:
    try:
        seconds = received.read(_Loading).estimated_time
    except UpstreamError:
        return None
    return None if seconds is None else min(max(seconds, 0.0), _MAX_WAIT)


LANGUAGE = offering(CHAT, RESPOND, manner=Manner(renamed=OLD_BOUND, thoughts="reasoning_content"), prefix="/v1")

DECLARATIONS = (
    speaking(
        declared(
            Vendor(
                type="huggingface",
                summary="Hugging Face Inference Providers: `hf-inference/ID` and `fal-ai/ID`.",
                base_url="https://router.huggingface.co",
                draw=draw,
                fault=fault,
                abilities={
                    "*": Ability(
                        frozenset({VARY, EDIT, GENERATE}),
                        canvas=Stepped(step=16, least=256, most=1536),
                        most_seed=2**31 - 1,
                    )
                },
                note="A model is named by its id at the provider, such as `fal-ai/fal-ai/flux-kontext/dev`; "
                "the model's page at Hugging Face has it.",
            )
        ),
        LANGUAGE,
    ),
)
