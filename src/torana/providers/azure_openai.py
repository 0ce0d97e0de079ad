"""Azure OpenAI: OpenAI's image models, each behind a deployment of the operator's own naming.

Source: LiteLLM 1.109.1 for both of its addresses; what its filter says is recalled.
"""

from dataclasses import replace
from urllib.parse import quote

from msgspec import Struct, structs

from torana.config.upstreams import Account
from torana.core.errors import ToranaError, UpstreamError
from torana.dialects.openai_images import Speech, decode_fault, drawing, read_drawn
from torana.dialects.refusals import moderated
from torana.dialects.steps import Ask, Received, Steps
from torana.providers.base import Lent
from torana.providers.imaging.artist import declared
from torana.providers.imaging.vendor import Vendor, bearer, header
from torana.providers.language import speaking
from torana.providers.language.openai import CHAT, COMPLETE, EMBED, KEEP, LISTEN, SPEAK, offering
from torana.providers.language.pricing import facts_of
from torana.providers.openai import MODELS
from torana.upstream.signing.signer import Signer

_TODAYS = Speech(wants_base64=None, prefix="/openai/v1/images")
_FILTERED = "ResponsibleAIPolicyViolation"
_TOKEN = "eyJ"  # noqa: S105 - how tokens of Entra begin, and keys do not


class _Inner(Struct):
    code: str = ""


class _Fault(Struct):
    inner_error: _Inner | None = None
    innererror: _Inner | None = None


class _FaultBody(Struct):
    error: _Fault


def door(account: Account, key: str | None, lent: Lent) -> Signer:
    """A key in a header of its own, or a token of Entra as a bearer."""
    if key is not None and key.startswith(_TOKEN):
        return bearer(account, key, lent)
    return header("api-key")(account, key, lent)


def draw(ask: Ask) -> Steps:
    """As OpenAI; the older address has the deployment in its path, and its version in the query."""
    version = ask.options.get("api_version")
    if version is None:
        return drawing(_TODAYS)(ask)
    return _dated(ask, version)


def _dated(ask: Ask, version: str) -> Steps:
    prefix = f"/openai/deployments/{quote(ask.model, safe='')}/images"
    step = next(drawing(replace(_TODAYS, prefix=prefix, sends_model=False))(ask))
    path = f"{step.message.path}?api-version={quote(version, safe='')}"
    return read_drawn((yield structs.replace(step, message=structs.replace(step.message, path=path))))


def fault(received: Received) -> ToranaError:
    """What an error means; its filter may tell itself within the error alone, under one of two names."""
    try:
        error = received.read(_FaultBody).error
    except UpstreamError:
        error = _Fault()
    inner = error.inner_error or error.innererror
    if inner is not None and inner.code == _FILTERED:
        return moderated()
    return decode_fault(received)


LANGUAGE = offering(CHAT, COMPLETE, KEEP, EMBED, SPEAK, *LISTEN, models=facts_of("azure-openai"), prefix="/openai/v1")

DECLARATIONS = (
    speaking(
        declared(
            Vendor(
                type="azure-openai",
                aliases=frozenset({"azure"}),
                summary="Azure OpenAI: models of language, pictures and sound; a model is a deployment's name.",
                options={
                    "api_version": "For addresses with a version, such as `2025-04-01-preview`; else `/openai/v1`."
                },
                door=door,
                draw=draw,
                fault=fault,
                abilities=MODELS,
                note="`base_url` is the resource: https://NAME.openai.azure.com. GPT image 1.5 ends on 2026-12-16, "
                "1-mini on 2027-04-07, 2.5 on 2027-09-09, 2 on 2027-10-21.",
            )
        ),
        LANGUAGE,
        door=door,
    ),
)
