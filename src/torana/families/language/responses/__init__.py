"""Responses: OpenAI's API of conversations that are kept."""

from torana.families.language.responses.continued import COMPACT, CREATE, Continued
from torana.families.language.responses.family import COMPACTION, RESPONSES, VOICE

__all__ = ["COMPACT", "COMPACTION", "CREATE", "RESPONSES", "VOICE", "Continued"]
