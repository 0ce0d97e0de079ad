"""Vendors that speak OpenAI's dialect of language and differ only in facts: one row each. Prices are not all known.

Source: each vendor's API reference as of 2026-11; what they refuse is as documented there, and changes by the month.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torana.dialects import rerankers
from torana.dialects.openai_language import PLAIN, Manner
from torana.dialects.ways import Way
from torana.providers.base import Declaration
from torana.providers.language import Facts, language_only
from torana.providers.language.openai import (
    CHAT,
    COMPLETE,
    EMBED,
    LISTEN,
    RERANK,
    RESPOND,
    SPEAK,
    TRANSCRIBE,
    offering,
)
from torana.providers.language.pricing import facts_of

OLD_BOUND = {"max_completion_tokens": "max_tokens"}
"""The name that most have for OpenAI's newer one."""
FEW_WORDS = frozenset({"logit_bias", "logprobs", "top_logprobs"})


@dataclass(frozen=True, slots=True)
class Row:
    """One vendor."""

    type: str
    summary: str
    base_url: str
    offers: tuple[str, ...]
    manner: Manner = PLAIN
    rank: Way | None = field(default=None, repr=False)
    """How it is asked to order documents, where not as Jina is."""
    note: str = ""
    aliases: frozenset[str] = frozenset()
    """What other gateways call it."""
    options: Mapping[str, str] = field(default_factory=dict)
    priced: bool = False
    """Whether its models' prices are in our table."""


_TALK = (CHAT, COMPLETE)
_USUAL = Manner(renamed=OLD_BOUND)

ROWS = (
    Row("ai21", "AI21: Jamba.", "https://api.ai21.com/studio/v1", (CHAT,), _USUAL),
    Row("baseten", "Baseten's model APIs.", "https://inference.baseten.co/v1", (CHAT,), _USUAL),
    Row(
        "cerebras",
        "Cerebras: open models at great speed.",
        "https://api.cerebras.ai/v1",
        _TALK,
        Manner(refused=frozenset({"frequency_penalty", "logit_bias", "presence_penalty"}), thoughts="reasoning"),
        priced=True,
    ),
    Row("chutes", "Chutes: open models.", "https://llm.chutes.ai/v1", _TALK, _USUAL),
    Row(
        "dashscope",
        "Alibaba Cloud Model Studio: Qwen.",
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        (CHAT, EMBED),
        Manner(renamed=OLD_BOUND, refused=frozenset({"logit_bias"}), knows=frozenset({"top_k"}), schemas=False),
    ),
    Row(
        "deepseek",
        "DeepSeek.",
        "https://api.deepseek.com",
        (CHAT,),
        Manner(
            renamed=OLD_BOUND,
            refused=frozenset({"logit_bias", "n"}),
            ignored=frozenset({"parallel_tool_calls", "reasoning_effort", "seed", "user"}),
            schemas=False,
            thoughts="reasoning_content",
        ),
    ),
    Row("featherless", "Featherless: open models.", "https://api.featherless.ai/v1", _TALK, _USUAL),
    Row("friendli", "Friendli: open models.", "https://api.friendli.ai/serverless/v1", _TALK, _USUAL),
    Row(
        "github-models",
        "GitHub Models.",
        "https://models.github.ai/inference",
        (CHAT, EMBED),
        aliases=frozenset({"github"}),
    ),
    Row(
        "groq",
        "Groq: open models at great speed, and Whisper.",
        "https://api.groq.com/openai/v1",
        (CHAT, RESPOND, SPEAK, *LISTEN),
        Manner(refused=FEW_WORDS, thoughts="reasoning"),
        priced=True,
    ),
    Row("hyperbolic", "Hyperbolic: open models.", "https://api.hyperbolic.xyz/v1", _TALK, _USUAL),
    Row("inception", "Inception: Mercury.", "https://api.inceptionlabs.ai/v1", (CHAT,), _USUAL),
    Row(
        "jina",
        "Jina AI: embeddings and rerankers.",
        "https://api.jina.ai/v1",
        (EMBED, RERANK),
        aliases=frozenset({"jina_ai"}),
    ),
    Row(
        "minimax",
        "MiniMax.",
        "https://api.minimax.io/v1",
        (CHAT,),
        Manner(renamed=OLD_BOUND, thoughts="reasoning_content"),
    ),
    Row(
        "moonshot",
        "Moonshot AI: Kimi.",
        "https://api.moonshot.ai/v1",
        (CHAT,),
        Manner(renamed=OLD_BOUND, refused=FEW_WORDS, thoughts="reasoning_content"),
    ),
    Row(
        "nebius",
        "Nebius Token Factory: open models.",
        "https://api.tokenfactory.nebius.com/v1",
        (*_TALK, EMBED),
        _USUAL,
    ),
    Row("novita", "Novita AI: open models.", "https://api.novita.ai/openai/v1", (*_TALK, EMBED, RERANK), _USUAL),
    Row("nscale", "Nscale: open models.", "https://inference.api.nscale.com/v1", (CHAT, EMBED), _USUAL),
    Row(
        "nvidia",
        "NVIDIA's API catalogue: NIM, hosted.",
        "https://integrate.api.nvidia.com/v1",
        (*_TALK, EMBED),
        Manner(renamed=OLD_BOUND, refused=frozenset({"logit_bias"}), thoughts="reasoning_content"),
        note="Its embeddings want an `input_type`, which passes through; servers of your own are `nim`.",
    ),
    Row(
        "ovhcloud",
        "OVHcloud AI Endpoints.",
        "https://oai.endpoints.kepler.ai.cloud.ovh.net/v1",
        (CHAT, EMBED, TRANSCRIBE),
        _USUAL,
    ),
    Row("parasail", "Parasail: open models.", "https://api.parasail.io/v1", _TALK, _USUAL),
    Row(
        "perplexity",
        "Perplexity: Sonar, which searches the web.",
        "https://api.perplexity.ai",
        (CHAT,),
        Manner(
            renamed=OLD_BOUND,
            refused=FEW_WORDS | {"n", "tool_choice", "tools"},
            ignored=frozenset({"parallel_tool_calls", "seed"}),
            cost="cost.total_cost",
            knows=frozenset({"top_k"}),
        ),
    ),
    Row(
        "sambanova",
        "SambaNova: open models at great speed.",
        "https://api.sambanova.ai/v1",
        (CHAT, EMBED, *LISTEN),
        Manner(refused=FEW_WORDS | {"n"}, ignored=frozenset({"seed"}), knows=frozenset({"top_k"})),
        priced=True,
    ),
    Row(
        "scaleway", "Scaleway: open models in Europe.", "https://api.scaleway.ai/v1", (CHAT, EMBED, TRANSCRIBE), _USUAL
    ),
    Row(
        "siliconflow",
        "SiliconFlow: open models.",
        "https://api.siliconflow.com/v1",
        (CHAT, EMBED, RERANK, SPEAK, TRANSCRIBE),
        _USUAL,
    ),
    Row(
        "vercel",
        "Vercel AI Gateway.",
        "https://ai-gateway.vercel.sh/v1",
        (CHAT, EMBED),
        aliases=frozenset({"vercel_ai_gateway"}),
    ),
    Row(
        "voyage",
        "Voyage AI: embeddings and rerankers.",
        "https://api.voyageai.com/v1",
        (EMBED, RERANK),
        rank=rerankers.voyage(),
    ),
    Row(
        "zai",
        "Z.ai: GLM.",
        "https://api.z.ai/api/paas/v4",
        (CHAT, EMBED),
        Manner(renamed=OLD_BOUND, refused=FEW_WORDS | {"n"}, thoughts="reasoning_content"),
    ),
)


def declaration(row: Row) -> Declaration:
    """A row as a type of provider."""
    models: Mapping[str, Facts] | None = facts_of(row.type) if row.priced else None
    language = offering(*row.offers, manner=row.manner, base_url=row.base_url, models=models, rank=row.rank)
    return language_only(
        type=row.type,
        summary=row.summary,
        language=language,
        note=row.note,
        aliases=row.aliases,
        options=row.options,
        imitated_by="openai-compatible",
    )


DECLARATIONS = tuple(map(declaration, ROWS))
