"""Anthropic's Messages API as a family: its requests, its answers, and both in words that every dialect understands."""

from torana.families.language.messages.hearing import hear
from torana.families.language.messages.operations import COUNT, COUNT_TOKENS, MESSAGE, MESSAGES
from torana.families.language.messages.telling import MessageTeller, tell
from torana.families.language.messages.wording import OVERLOADED
from torana.families.language.voice import Voice

VOICE = Voice(hear, tell, MessageTeller)

__all__ = ["COUNT", "COUNT_TOKENS", "MESSAGE", "MESSAGES", "OVERLOADED", "VOICE"]
