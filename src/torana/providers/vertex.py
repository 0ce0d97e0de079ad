"""Vertex AI: the models of Gemini within a project of Google Cloud.

Source: Google's reference of ``generateContent`` and of ``ImageConfig``; prices by third parties, as the Gemini API's.
"""

from dataclasses import replace
from urllib.parse import quote

from torana.config.upstreams import Account
from torana.dialects.gemini_images import decode_google_fault, drawing
from torana.dialects.steps import Ask
from torana.providers.base import Lent
from torana.providers.gemini import MODELS
from torana.providers.imaging.artist import declared
from torana.providers.imaging.vendor import Vendor, bearer
from torana.upstream.signing.google import google_signer
from torana.upstream.signing.signer import Signer

_EVERYWHERE = "global"
_TOKEN_CONNECTIONS = 2
_FORMATS = frozenset({"png", "jpeg"})


def door(account: Account, key: str | None, lent: Lent) -> Signer:
    """Google's credentials; ValueError for a location elsewhere than the address, which would refuse it."""
    if account.base_url is None and account.options.get("location", _EVERYWHERE) != _EVERYWHERE:
        raise ValueError("a location needs its own base_url: https://LOCATION-aiplatform.googleapis.com")
    if key is None:
        return bearer(account, key, lent)
    return google_signer(key, lent.connect(_TOKEN_CONNECTIONS), clock=lent.clock)


def _path(ask: Ask) -> str:
    project = quote(ask.options.get("project", ""), safe="")
    location = quote(ask.options.get("location", _EVERYWHERE), safe="")
    model = quote(ask.model, safe="")
    return f"/v1/projects/{project}/locations/{location}/publishers/google/models/{model}:generateContent"


_SPELLINGS = {
    "vertex_project": "project",
    "vertex_ai_project": "project",
    "vertex_credentials": "api_key",
    "vertex_ai_credentials": "api_key",
}

DECLARATIONS = (
    declared(
        Vendor(
            type="vertex",
            aliases=frozenset({"vertex_ai", "vertex_ai_beta"}),
            spellings=_SPELLINGS,
            summary="Vertex AI: Gemini image models with Google Cloud's credentials.",
            base_url="https://aiplatform.googleapis.com",
            options={
                "project": "The project's id.",
                "location": "Where it runs: `global` unless said. Any other needs `base_url` too.",
            },
            needs=frozenset({"api_key", "project"}),
            door=door,
            draw=drawing(_path),
            fault=decode_google_fault,
            abilities={name: replace(ability, formats=_FORMATS) for name, ability in MODELS.items()},
            note="gemini-2.5-flash-image ends on 2027-03-15, gemini-3-pro-image on 2027-05-28.",
        )
    ),
)
