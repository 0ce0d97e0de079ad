"""Torana, an LLM gateway: one OpenAI-compatible API in front of every model provider a company uses."""
