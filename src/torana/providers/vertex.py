"""Vertex AI: the models of Gemini, and of Claude, within a project of Google Cloud.

Source: Google's reference of ``generateContent`` and of ``ImageConfig``; google-genai 3.4.0 and anthropic 2.12.0, whose
clients say where each model is asked; prices by third parties, as the Gemini API's.
"""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote

from msgspec import Struct

from torana.config.upstreams import Account
from torana.core.errors import ToranaError, UpstreamError
from torana.dialects import anthropic
from torana.dialects.gemini.counting import counting
from torana.dialects.gemini.embeddings import in_project, predicted
from torana.dialects.gemini.faults import decode_fault
from torana.dialects.gemini.place import Place
from torana.dialects.gemini.tongue import tongue
from torana.dialects.gemini_images import decode_google_fault, drawing
from torana.dialects.steps import Ask, Received
from torana.dialects.translated import Encoded, Tongue
from torana.dialects.ways import Asking, At, Way
from torana.families.language import messages
from torana.families.language.asked import LanguageRequest
from torana.families.language.words import Conversation
from torana.providers.base import Lent
from torana.providers.gemini import MODELS, NEWER, conversing
from torana.providers.imaging.artist import declared
from torana.providers.imaging.vendor import Vendor, bearer
from torana.providers.language import Language, speaking
from torana.providers.language.pricing import facts_of
from torana.upstream.signing.google import METADATA, google_signer
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
    # The machine that vouches for us is not to be found through a proxy.
    client = lent.connect(_TOKEN_CONNECTIONS, proxy=None) if key == METADATA else lent.connect(_TOKEN_CONNECTIONS)
    return google_signer(key, client, clock=lent.clock)


def _models(options: Mapping[str, str], publisher: str, *, version: str) -> str:
    project = quote(options.get("project", ""), safe="")
    location = quote(options.get("location", _EVERYWHERE), safe="")
    return f"/{version}/projects/{project}/locations/{location}/publishers/{publisher}/models"


def _path(ask: Ask) -> str:
    return f"{_models(ask.options, 'google', version='v1')}/{quote(ask.model, safe='')}:generateContent"


def _method(at: At, method: str) -> str:
    """A method of Gemini's, in the version that Google's own client asks for, because it knows the newest fields."""
    return f"{_models(at.options, 'google', version='v1beta1')}/{quote(at.model, safe='')}:{method}"


def _predict(at: At, method: str) -> str:
    return f"{_models(at.options, 'google', version='v1')}/{quote(at.model, safe='')}:{method}"


_PLACE = Place(_method, buckets=True, counts_requests=False)
_CLAUDE_VERSION = "vertex-2023-10-16"
"""Of Anthropic's API; it stands in the body."""
_COUNTER = "count-tokens"
"""In place of a model, what counts tokens for all of them."""


def _claude(at: At) -> anthropic.Manner:
    def path(model: str, stream: bool) -> str:  # noqa: FBT001 - as a Manner has it
        method = "streamRawPredict" if stream else "rawPredict"
        return f"{_models(at.options, 'anthropic', version='v1')}/{quote(model, safe='@')}:{method}"

    return anthropic.Manner(path, version=_CLAUDE_VERSION, names_model=False)


def _straight(request: LanguageRequest, at: At) -> Asking:
    return anthropic.straight(_claude(at))(request, at)


def _count(request: LanguageRequest, at: At) -> Asking:
    path = f"{_models(at.options, 'anthropic', version='v1')}/{_COUNTER}:rawPredict"
    return anthropic.counting(replace(_claude(at), path=lambda _model, _stream: path, names_model=True))(request, at)


def _ask_claude(conversation: Conversation, at: At) -> Encoded:
    return anthropic.tongue(_claude(at)).encode(conversation, at)


_CLAUDE: Mapping[str, Way] = {
    **conversing(Tongue(_ask_claude, anthropic.TONGUE.decode, anthropic.TONGUE.listener)),
    "messages": _straight,
    "messages.count_tokens": _count,
}


class _Fault(Struct):
    type: str = ""


def fault(received: Received) -> ToranaError:
    """What an error means: Claude's own come in Anthropic's shape, those before it in Google's."""
    try:
        told = received.read(_Fault).type
    except UpstreamError:
        told = ""
    return anthropic.fault(received) if told == "error" else decode_fault(received)


_TALKING = conversing(tongue(_PLACE)) | {"messages.count_tokens": counting(messages.VOICE, _PLACE)}

LANGUAGE = Language(
    ways={**_TALKING, "embeddings": predicted(_predict)},
    ways_of={"claude-": _CLAUDE, "gemini-embedding-": {"embeddings": in_project(_method)}},
    models={**facts_of("vertex"), **NEWER},
    fault=fault,
)


_SPELLINGS = {
    "vertex_project": "project",
    "vertex_ai_project": "project",
    "vertex_credentials": "api_key",
    "vertex_ai_credentials": "api_key",
}

_PICTURES = declared(
    Vendor(
        type="vertex",
        aliases=frozenset({"vertex_ai", "vertex_ai_beta"}),
        spellings=_SPELLINGS,
        summary="Vertex AI: Gemini and Claude models with Google Cloud's credentials, for pictures and for words.",
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
)

DECLARATIONS = (speaking(_PICTURES, LANGUAGE, door=door),)
