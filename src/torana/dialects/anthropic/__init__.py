"""Anthropic's dialect: its Messages API, straight for clients who speak it too and translated for all others.

Others who speak it differ in the path and a few members of the body: they make ways of their own from a ``Manner``, by
``straight(manner)``, ``counting(manner)`` and ``tongue(manner)``.
Source: the anthropic Python client 2.12.0; Anthropic's API reference and migration guides.
"""

from torana.dialects.anthropic.faults import fault
from torana.dialects.anthropic.manner import COUNTING, DIRECT, VERSION, Manner
from torana.dialects.anthropic.straight import counting, straight
from torana.dialects.anthropic.tongue import tongue

STRAIGHT = straight(DIRECT)
"""The way of ``messages``."""
STRAIGHT_COUNT = counting(COUNTING)
"""The way of ``messages.count_tokens``."""
TONGUE = tongue(DIRECT)
"""For every other family's Voice."""

__all__ = [
    "COUNTING", "DIRECT", "STRAIGHT", "STRAIGHT_COUNT", "TONGUE", "VERSION", "Manner", "counting", "fault", "straight",
    "tongue",
]  # fmt: skip
