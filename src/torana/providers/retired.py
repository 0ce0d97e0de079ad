"""Models that their makers took away, and what replaced them."""

from collections.abc import Mapping
from itertools import chain
from types import MappingProxyType

_OPENAI: Mapping[str, tuple[str, ...]] = {
    # 2026-05-12. The openai Python client 3.54.0 marks the variations that only dall-e-2 made as retired.
    "dall-e-2": ("gpt-image-2.5-flare",),
    "dall-e-3": ("gpt-image-2.5-flare", "gpt-image-2.5-sunburst"),
    # 2026-10-23, at OpenAI and at Azure. Its mini, 1.5 and chatgpt-image-latest follow on 2026-12-01 at OpenAI.
    "gpt-image-1": ("gpt-image-2.5-flare", "gpt-image-2.5-sunburst"),
}
_BEDROCK: Mapping[str, tuple[str, ...]] = dict.fromkeys(
    (
        # Version 2 on 2026-06-30, version 1 before it: AWS's list of model lifecycles, by third parties.
        "amazon.titan-image-generator-v1",
        "amazon.titan-image-generator-v2:0",
        # 2026-09-30, from the same list.
        "amazon.nova-canvas-v1:0",
    ),
    ("us.stability.stable-image-style-guide-v1:0", "us.stability.stable-image-control-structure-v1:0"),
)
_IMAGEN: Mapping[str, tuple[str, ...]] = dict.fromkeys(
    (
        # Google's page on Imagen asks to leave all of them before 2026-06-30.
        "imagen-3.0-capability-001",
        "imagen-3.0-capability-002",
        "imagen-3.0-fast-generate-001",
        "imagen-3.0-generate-001",
        "imagen-3.0-generate-002",
        "imagen-4.0-fast-generate-001",
        "imagen-4.0-generate-001",
        "imagen-4.0-ultra-generate-001",
    ),
    ("gemini-3.1-flash-image", "gemini-3-pro-image"),
)
_GEMINI: Mapping[str, tuple[str, ...]] = {
    # 2026-01-15, recalled.
    "gemini-2.5-flash-image-preview": ("gemini-2.5-flash-image",),
    # 2026-06-25: Google's list of deprecations, by third parties.
    "gemini-3-pro-image-preview": ("gemini-3-pro-image",),
    "gemini-3.1-flash-image-preview": ("gemini-3.1-flash-image",),
}
_XAI: Mapping[str, tuple[str, ...]] = {
    # 2026-11-02: xAI's list of models, by third parties.
    "grok-imagine-image-quality": ("grok-imagine-image-2.0",),
}

RETIRED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    dict(chain.from_iterable(each.items() for each in (_OPENAI, _BEDROCK, _IMAGEN, _GEMINI, _XAI)))
)
"""Names that callers may still send, each with models that live."""
