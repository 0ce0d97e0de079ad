"""Fixtures of providers: what a client asks, what the upstream then hears and says, what the client gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

FOLDER = Path(__file__).parents[1] / "fixtures" / "providers"


class Expected(Struct, forbid_unknown_fields=True):
    """What the upstream hears. ``json`` and ``form`` are the whole body, with placeholders for pictures:

    ``$BASE64`` (bare base64), ``$DATA_URI``, ``$FILE`` (a form's file), ``$ANY`` (any value), ``$PROMPT`` (our words).
    """

    method: str
    path: str
    """With its query; ``$ANY`` stands for any one segment."""
    headers: dict[str, str] = {}
    json: Any = None
    form: dict[str, str | list[str]] | None = None
    raw: bool = False
    """Whether the body is a picture's bare bytes."""
    keyless: bool = False
    """Whether our key must not come along."""


class Said(Struct, forbid_unknown_fields=True):
    """What the upstream says. In texts: ``$ORIGIN`` (its address), and pictures made on the spot:

    ``$BASE64(64x48)``, ``$DATA_URI(64x48)``, ``$LINK(64x48)`` (an address that serves it, to anybody, without our key).
    """

    status: int = 200
    headers: dict[str, str] = {}
    json: Any = None
    text: str | None = None
    picture: str | None = None
    """The size of the picture whose bare bytes are the body."""


class Exchange(Struct, forbid_unknown_fields=True):
    """One step of the conversation."""

    expect: Expected
    reply: Said


class Failure(Struct, forbid_unknown_fields=True):
    """The error that the client gets."""

    type: str
    """Its class in ``core.errors``."""
    code: str | None = None
    param: str | None = None
    retry_after: float | None = None
    spent: bool = False


class Gives(Struct, forbid_unknown_fields=True):
    """What the client gets."""

    pictures: int = 0
    partials: int = 0
    """How many previews came before, or before the error."""
    size: str | None = None
    emulated: list[str] = []
    ignored: list[str] = []
    shortfall: int = 0
    cost: str | None = None
    """In US dollars, exactly; None for unknown."""
    error: Failure | None = None


class Case(Struct, forbid_unknown_fields=True):
    """One call."""

    name: str
    """``plain``, ``refused`` (the upstream's moderation), or what else sets it apart."""
    provenance: Literal["recorded", "from documentation", "from source code", "inferred"]
    model: str
    exchange: list[Exchange]
    gives: Gives
    operation: str = "images.variations"
    request: dict[str, Any] = {}
    """``n``, ``size``, ``seed``, ``strength``, ``prompt``, ``mask`` (true), ``wishes``, ``output_format``, ``user``,
    ``stream`` (true), ``partial_images``."""
    sources: tuple[str, ...] = ("64x48",)
    """Sizes of the client's pictures."""
    parameters: dict[str, str | int | float | bool] = {}


class Fixture(Struct, forbid_unknown_fields=True):
    """All cases of one type of provider."""

    source: str
    """Where the facts come from."""
    cases: list[Case]
    key: str | None = "key-of-the-account"
    options: dict[str, str] = field(default_factory=dict)
    base_path: str = ""
    """What follows the host in the account's base URL."""


def load(kind: str) -> Fixture:
    """The fixture of a type of provider."""
    return msgspec.json.decode((FOLDER / f"{kind}.json").read_bytes(), type=Fixture)
