"""LiteLLM's configuration, and what each part of it is here."""
