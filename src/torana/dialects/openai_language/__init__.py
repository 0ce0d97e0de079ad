"""OpenAI's dialect of language: chats and completions as OpenAI and most of the world speak them."""

from torana.dialects.openai_language.chat import tongue
from torana.dialects.openai_language.errors import decode_language_fault, fault_inside
from torana.dialects.openai_language.manner import PLAIN, Manner
from torana.dialects.openai_language.straight import plain_only, straight
from torana.dialects.openai_language.usage import tokens_of_usage

__all__ = [
    "PLAIN",
    "Manner",
    "decode_language_fault",
    "fault_inside",
    "plain_only",
    "straight",
    "tokens_of_usage",
    "tongue",
]
