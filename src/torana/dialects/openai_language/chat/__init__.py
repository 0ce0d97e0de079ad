"""OpenAI's chat completions as a tongue: any family's conversations with upstreams that know chats alone."""

from torana.dialects.openai_language.chat.tongue import tongue

__all__ = ["tongue"]
