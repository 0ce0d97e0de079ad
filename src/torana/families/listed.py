"""Every family there is."""

from typing import Any

from torana.families.audio import SPEECH, TRANSCRIPTIONS, TRANSLATIONS
from torana.families.base import Family
from torana.families.images import EDITS, GENERATIONS, VARIATIONS
from torana.families.language.chat import CHAT
from torana.families.language.completions import COMPLETIONS
from torana.families.language.embeddings import EMBEDDINGS
from torana.families.language.messages import COUNT_TOKENS, MESSAGES
from torana.families.language.moderations import MODERATIONS
from torana.families.language.rerank import RERANKING
from torana.families.language.responses import COMPACTION, RESPONSES

FAMILIES: tuple[Family[Any, Any], ...] = (
    CHAT,
    COMPLETIONS,
    MESSAGES,
    COUNT_TOKENS,
    RESPONSES,
    COMPACTION,
    EMBEDDINGS,
    RERANKING,
    MODERATIONS,
    VARIATIONS,
    EDITS,
    GENERATIONS,
    SPEECH,
    TRANSCRIPTIONS,
    TRANSLATIONS,
)
OPERATIONS = tuple(family.operation for family in FAMILIES)
"""All that can be asked of a model."""
