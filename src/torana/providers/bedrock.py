"""Amazon Bedrock: conversations with any model, and Stability's image services; each keeps one side of its source.

Of models that make pictures, those services are what remains there. Source: AWS's service model (botocore 1.44.5) and
user guide; LiteLLM 1.109.1 for prices and fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from urllib.parse import quote

from msgspec import Struct

from torana.config.upstreams import Account
from torana.core.errors import InvalidRequest, ToranaError, UpstreamError, UpstreamRateLimited
from torana.core.price import Price
from torana.dialects import bedrock
from torana.dialects.inline import from_base64
from torana.dialects.openai_images import decode_fault
from torana.dialects.refusals import job_failed, moderated
from torana.dialects.steps import Ask, Drawn, Received, Send, Steps, empty, json_message
from torana.dialects.translated import Tongue, translated
from torana.dialects.ways import Way
from torana.families.images import EDIT, VARY
from torana.families.language import chat, completions, messages, responses
from torana.families.language.embeddings import EMBED
from torana.families.language.rerank import RERANK
from torana.media.jobs.preparing import Demands
from torana.providers.base import Lent
from torana.providers.imaging.ability import Ability, Scale
from torana.providers.imaging.artist import declared
from torana.providers.imaging.canvas import AnySize, AsSource, Ratios, Stepped
from torana.providers.imaging.vendor import Vendor, bearer
from torana.providers.language import ANY, Facts, Language, speaking
from torana.providers.language.estimating import estimated
from torana.providers.language.pricing import facts_of
from torana.upstream.signing.signer import Signer
from torana.upstream.signing.sigv4 import aws_signer

_BROKEN = "Inference error"
_FILTERED = "content filter"


@dataclass(frozen=True, slots=True)
class _Service:
    """What a service calls its fields."""

    images: tuple[str, ...]
    strength: str


_SERVICES: Mapping[str, _Service] = {
    "stable-image-control-structure-v1:0": _Service(("image",), "control_strength"),
    "stable-image-control-sketch-v1:0": _Service(("image",), "control_strength"),
    "stable-image-style-guide-v1:0": _Service(("image",), "fidelity"),
    "stable-style-transfer-v1:0": _Service(("init_image", "style_image"), "change_strength"),
}


class _Reply(Struct):
    images: list[str] = []
    finish_reasons: list[str | None] = []


class _Fault(Struct):
    message: str = ""


def door(account: Account, key: str | None, lent: Lent) -> Signer:
    """A signature by an access key, or an API key as a bearer."""
    if key is None:
        return bearer(account, key, lent)
    return aws_signer(key, region=account.options.get("region", ""), service="bedrock", clock=lent.clock)


def draw(ask: Ask) -> Steps:
    """One call for one picture; InvalidRequest when a service that needs two pictures is given one."""
    service = _SERVICES[ask.model.partition("stability.")[2]]
    if len(ask.sources) < len(service.images):
        raise InvalidRequest("This model needs two images: the picture, and one whose style it takes.", param="image")
    fields = ask.given(
        **dict(zip(service.images, (source.base64() for source in ask.sources), strict=True)),
        **{service.strength: ask.strength},
        prompt=ask.prompt or None,
        aspect_ratio=ask.ratio,
        # 0 stands for chance there.
        seed=None if ask.seed is None else ask.seed + 1,
        output_format=ask.output_format,
    )
    path = f"/model/{quote(ask.model, safe='')}/invoke"
    reply = (yield Send(json_message("POST", path, fields), submits=True)).read(_Reply)
    reason = next((reason for reason in reply.finish_reasons if reason is not None), None)
    if reason is not None:
        raise _ended(reason)
    if not reply.images:
        raise empty()
    return Drawn(tuple(from_base64(text) for text in reply.images))


def _ended(reason: str) -> ToranaError:
    if reason == _BROKEN:
        return job_failed()
    return moderated()


def fault(received: Received) -> ToranaError:
    """What an error means, by the type that a header names: its status alone can mislead."""
    kind = received.headers.get("x-amzn-errortype", "").partition(":")[0]
    if kind == "ServiceQuotaExceededException":
        return UpstreamRateLimited("The upstream asks to be called less often.")
    if kind == "ModelErrorException":
        return job_failed()
    if kind == "ValidationException" and _FILTERED in _message(received).lower():
        return moderated()
    return decode_fault(received)


def _message(received: Received) -> str:
    try:
        return received.read(_Fault).message
    except UpstreamError:
        return ""


def _price(image: str) -> Price:
    return Price(dated="2026-11-22", source="AWS's price list, by third parties", per_image=Decimal(image))


_LEAST_SIDE, _MOST_SIDE, _MOST_PIXELS, _STEEPEST = 64, 4800, 9_437_184, 2.5
_STRUCTURE = Ability(
    frozenset({VARY, EDIT}),
    canvas=AsSource(Stepped(step=1, least=_LEAST_SIDE, most=_MOST_SIDE, most_pixels=_MOST_PIXELS, steepest=_STEEPEST)),
    # The whole body may have 25,000,000 bytes, in base64.
    demands=Demands(max_bytes=9 * 1000**2, least_side=_LEAST_SIDE, max_pixels=_MOST_PIXELS, steepest=_STEEPEST),
    strength=Scale(close=1.0, far=0.0, usual=0.7),
    most_seed=2**32 - 3,
    formats=frozenset({"png", "jpeg", "webp"}),
    price=_price("0.07"),
)
_GUIDE = replace(
    _STRUCTURE,
    canvas=Ratios(("1:1", "16:9", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21")),
    strength=Scale(close=1.0, far=0.0),
)
_TRANSFER = replace(
    _STRUCTURE,
    operations=frozenset({VARY}),
    # Were both brought to one shape, the second would lose what it is there for.
    canvas=AnySize(),
    sources=2,
    prompted=False,
    strength=Scale(close=0.1, far=1.0, usual=0.9),
    price=_price("0.08"),
)
_ABILITIES: Mapping[str, Ability] = {
    "stable-image-control-structure-v1:0": _STRUCTURE,
    "stable-image-control-sketch-v1:0": _STRUCTURE,
    "stable-image-style-guide-v1:0": _GUIDE,
    "stable-style-transfer-v1:0": _TRANSFER,
}
_PREFIXES = ("us.stability.", "stability.")
"""By an inference profile, which is how they are offered, and by the bare name."""


def _conversing(dialect: Tongue) -> dict[str, Way]:
    voices = {
        chat.CHAT_OPERATION: chat.VOICE,
        completions.COMPLETIONS_OPERATION: completions.VOICE,
        messages.MESSAGE: messages.VOICE,
        responses.CREATE: responses.VOICE,
    }
    return {operation: translated(voice, dialect) for operation, voice in voices.items()}


def _ranking(request: str) -> Facts:
    price = Price(dated="2026-11-22", source="AWS's price list, recalled", per_request=Decimal(request))
    return Facts(frozenset({RERANK}), price)


_CLAUDE: Mapping[str, Way] = {
    **_conversing(bedrock.CLAUDE),
    messages.MESSAGE: bedrock.claude_messages,
    messages.COUNT: bedrock.claude_count,
}
_WAYS_OF: Mapping[str, Mapping[str, Way]] = {
    "anthropic.": _CLAUDE,
    "cohere.embed-": {EMBED: bedrock.cohere_embed},
    "amazon.titan-embed-": {EMBED: bedrock.titan_embed},
    "cohere.rerank-": {RERANK: bedrock.rerank},
    "amazon.rerank-": {RERANK: bedrock.rerank},
}
_REGIONS = ("", "us.", "eu.", "apac.", "global.", "jp.", "au.", "ca.", "us-gov.")
"""What stands before a model's name where it is asked for in any of several regions."""
_PRICED = facts_of("bedrock")
_RANKERS = {"cohere.rerank-v3-5:0": _ranking("0.002"), "amazon.rerank-v1:0": _ranking("0.001")}

LANGUAGE = Language(
    ways=_conversing(bedrock.BEDROCK),
    ways_of={f"{region}{name}": ways for name, ways in _WAYS_OF.items() for region in _REGIONS},
    reckoned={messages.COUNT: estimated(messages.VOICE)},
    models={**_RANKERS, "cohere.embed-v4:0": _PRICED["cohere.embed-v4:0"], **_PRICED, ANY: Facts()},
    fault=bedrock.decode_fault,
)

_SPELLINGS = {
    "aws_region_name": "region",
    "aws_bedrock_runtime_endpoint": "base_url",
    "aws_access_key_id": "api_key",
    "aws_secret_access_key": "api_key",
    "aws_session_token": "api_key",
}

DECLARATIONS = (
    speaking(
        declared(
            Vendor(
                type="bedrock",
                spellings=_SPELLINGS,
                summary="Amazon Bedrock: models of many makers for words, and Stability's services, which keep the "
                "structure or the style of a picture.",
                base_url="https://bedrock-runtime.{region}.amazonaws.com",
                options={"region": "Such as `us-east-1`."},
                needs=frozenset({"api_key", "region"}),
                door=door,
                draw=draw,
                fault=fault,
                abilities={prefix + name: ability for prefix in _PREFIXES for name, ability in _ABILITIES.items()},
                note="Titan Image Generator ended on 2026-06-30, Nova Canvas on 2026-09-30. "
                "`api_key` is ACCESS_KEY_ID:SECRET_ACCESS_KEY, with :SESSION_TOKEN if temporary, or a Bedrock API key.",
            )
        ),
        LANGUAGE,
        door=door,
    ),
)
