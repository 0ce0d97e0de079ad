"""Chats: OpenAI's messages in, its completions out."""

from torana.families.language.chat.family import CHAT, CHAT_OPERATION, VOICE
from torana.families.language.chat.folding import unfold

__all__ = ["CHAT", "CHAT_OPERATION", "VOICE", "unfold"]
