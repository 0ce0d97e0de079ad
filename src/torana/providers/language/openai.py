"""What vendors offer who speak OpenAI's dialect of language: the ways, given how each departs from it."""

from collections.abc import Iterable, Mapping

from torana.dialects import rerankers
from torana.dialects.openai_language import PLAIN, Manner, audio, decode_language_fault, straight, tongue
from torana.dialects.openai_language import responses as native
from torana.dialects.openai_language.vectors import vector_ways
from torana.dialects.translated import translated
from torana.dialects.ways import Way
from torana.families.audio import SPEAK, TRANSCRIBE, TRANSLATE
from torana.families.language import chat, completions, messages, responses
from torana.families.language.embeddings import EMBED
from torana.families.language.moderations import MODERATE
from torana.families.language.rerank import RERANK
from torana.providers.language.estimating import estimated
from torana.providers.language.offer import ANY, Facts, Language

CHAT = chat.CHAT_OPERATION
COMPLETE = completions.COMPLETIONS_OPERATION
MESSAGE = messages.MESSAGE
RESPOND = responses.CREATE
"""Responses of the vendor's own, which keeps nothing: all that came before is sent along."""
KEEP = "kept responses"
"""Responses of the vendor's own, which keeps them if it is asked to."""
LISTEN = (TRANSCRIBE, TRANSLATE)

__all__ = [
    "CHAT",
    "COMPLETE",
    "EMBED",
    "KEEP",
    "LISTEN",
    "MODERATE",
    "RERANK",
    "RESPOND",
    "SPEAK",
    "TRANSCRIBE",
    "offering",
    "openai_ways",
]  # fmt: skip


def openai_ways(offers: Iterable[str], manner: Manner = PLAIN, *, rank: Way | None = None) -> Mapping[str, Way]:
    """The ways of a vendor who ``offers`` these, in OpenAI's words; other conversations are translated to chats."""
    offered = frozenset(offers)
    ways: dict[str, Way] = {}
    if CHAT in offered:
        spoken = tongue("/chat/completions", manner)
        ways = {
            CHAT: straight("/chat/completions", manner),
            COMPLETE: translated(completions.VOICE, spoken),
            MESSAGE: translated(messages.VOICE, spoken),
            RESPOND: translated(responses.VOICE, spoken),
        }
    plain = {
        COMPLETE: straight("/completions", manner),
        **vector_ways(manner),
        **audio.WAYS,
        RERANK: rank or rerankers.jina(),
        RESPOND: native.straight(manner=manner, keeps=False),
    }
    ways |= {operation: way for operation, way in plain.items() if operation in offered}
    if KEEP in offered:
        ways |= dict.fromkeys((RESPOND, responses.COMPACT), native.straight(manner=manner, keeps=True))
    return ways


def offering(
    *offers: str,
    manner: Manner = PLAIN,
    base_url: str | None = None,
    models: Mapping[str, Facts] | None = None,
    rank: Way | None = None,
    prefix: str = "",
) -> Language:
    """What a vendor offers who speaks OpenAI's dialect; all but ``offers`` as in ``Language``."""
    return Language(
        ways=openai_ways(offers, manner, rank=rank),
        models={ANY: Facts()} if models is None else models,
        reckoned={messages.COUNT: estimated(messages.VOICE)} if CHAT in offers else {},
        fault=decode_language_fault,
        base_url=base_url,
        prefix=prefix,
    )
