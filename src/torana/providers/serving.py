"""Servers of the operator's own that speak OpenAI's dialect of language: one row each. They charge nothing.

Source: the documentation of Ollama, vLLM 0.30, LM Studio, llama.cpp, Text Embeddings Inference, Infinity, TGI,
llamafile, KoboldCpp, MLX, Jan and Docker Model Runner (2026-11).
"""

from dataclasses import dataclass, field

from torana.dialects import rerankers
from torana.dialects.openai_language import PLAIN, Manner
from torana.dialects.ways import Way
from torana.providers.base import Declaration
from torana.providers.imaging.ability import FREE
from torana.providers.language import ANY, Facts, language_only
from torana.providers.language.openai import CHAT, COMPLETE, EMBED, LISTEN, RERANK, RESPOND, SPEAK, offering

OWN = {ANY: Facts(price=FREE)}
"""Whatever it serves costs nothing beside its keep."""
OPEN = Manner(knows=frozenset({"top_k"}), thoughts="reasoning_content")
"""Servers of open models, which take more than OpenAI's fields."""


@dataclass(frozen=True, slots=True)
class Server:
    """One kind of server."""

    type: str
    summary: str
    offers: tuple[str, ...]
    manner: Manner = PLAIN
    rank: Way | None = field(default=None, repr=False)
    """How it is asked to order documents, where not as Jina is."""
    aliases: frozenset[str] = frozenset()
    """What other gateways call it."""


_TALK = (CHAT, COMPLETE)
_LOCAL = "on a machine of your own"

SERVERS = (
    Server("docker-model-runner", f"Docker Model Runner, {_LOCAL}.", (*_TALK, EMBED), OPEN),
    Server(
        "infinity", f"Infinity, {_LOCAL}: embeddings and rerankers.", (EMBED, RERANK), aliases=frozenset({"infinity"})
    ),
    Server("jan", f"Jan, {_LOCAL}.", (CHAT,), OPEN),
    Server("koboldcpp", f"KoboldCpp, {_LOCAL}.", _TALK, OPEN),
    Server("llama-cpp", f"llama.cpp's server, {_LOCAL}.", (*_TALK, EMBED, RERANK), OPEN),
    Server("llamafile", f"llamafile, {_LOCAL}.", (*_TALK, EMBED), OPEN, aliases=frozenset({"llamafile"})),
    Server("lm-studio", f"LM Studio, {_LOCAL}.", (*_TALK, EMBED, RESPOND), OPEN, aliases=frozenset({"lm_studio"})),
    Server("mlx", f"mlx-lm's server, {_LOCAL}.", _TALK, OPEN),
    Server(
        "ollama",
        f"Ollama, {_LOCAL}.",
        (*_TALK, EMBED, RESPOND),
        Manner(refused=frozenset({"logit_bias", "n"}), thoughts="reasoning"),
        aliases=frozenset({"ollama", "ollama_chat"}),
    ),
    Server(
        "tei", f"Text Embeddings Inference, {_LOCAL}: embeddings and rerankers.", (EMBED, RERANK), rank=rerankers.tei()
    ),
    Server("tgi", f"Text Generation Inference, {_LOCAL}.", _TALK, OPEN),
    Server(
        "vllm",
        f"vLLM, {_LOCAL}.",
        (*_TALK, EMBED, RERANK, RESPOND, *LISTEN),
        Manner(knows=frozenset({"top_k"}), thoughts="reasoning"),
        aliases=frozenset({"vllm", "hosted_vllm"}),
    ),
    Server("speaches", f"Speaches (faster-whisper, Kokoro, Piper), {_LOCAL}: sound.", (SPEAK, *LISTEN)),
)


def declaration(server: Server) -> Declaration:
    """A row as a type of provider; it needs no key, and takes one."""
    return language_only(
        type=server.type,
        summary=server.summary,
        language=offering(*server.offers, manner=server.manner, models=OWN, rank=server.rank),
        keyed=False,
        aliases=server.aliases - {server.type},
    )


DECLARATIONS = tuple(map(declaration, SERVERS))
