"""What a client may ask of pictures: the checked request, and how each of its fields is read."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Literal, TypeVar

from msgspec import Struct, structs

from torana.core.content import OutputFormat, Size, Upload
from torana.core.errors import InvalidImage, InvalidRequest
from torana.families.base import Form

ResponseFormat = Literal["url", "b64_json"]
T = TypeVar("T", bound=str)

VARY, EDIT, GENERATE = "images.variations", "images.edits", "images.generations"
RESPONSE_FORMATS: tuple[ResponseFormat, ...] = ("url", "b64_json")
OUTPUT_FORMATS: tuple[OutputFormat, ...] = ("png", "webp", "jpeg")

DEFAULT_SIZE = Size(1024, 1024)
DEFAULT_STRENGTH = 0.5
MAX_COUNT = 10
MAX_SEED = 2**63 - 1
MAX_MODEL = 256
MAX_PROMPT = 32_000
MAX_SIDE = 8192
MAX_PIXELS = 8192 * 4096
"""Twice what any model makes: whatever comes is fitted to the size, and a larger one would only cost memory."""
MAX_PARTIAL = 3
WORDS: Mapping[str, tuple[str, ...]] = {
    "quality": ("auto", "low", "medium", "high", "xhigh", "max", "standard", "hd"),
    "background": ("auto", "transparent", "opaque"),
    "moderation": ("auto", "low"),
    "style": ("vivid", "natural"),
    "input_fidelity": ("high", "low"),
}
"""What may be wished for, by field, where it is one of a few words."""
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_NUMBER = re.compile(r"\+?([0-9]{1,20}(\.[0-9]{0,20})?|\.[0-9]{1,20})([eE][+-]?[0-9]{1,2})?")
SIZE = re.compile(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})")


class ImageRequest(Struct, frozen=True):
    """A checked request for pictures: variations, edits, or generations."""

    model: str
    images: tuple[Upload, ...] = ()
    mask: Upload | None = None
    """Where to edit: where it is transparent."""
    prompt: str | None = None
    n: int = 1
    size: Size | None = DEFAULT_SIZE
    """None is ``auto``: the model chooses."""
    response_format: ResponseFormat = "url"
    user: str | None = None
    seed: int | None = None
    strength: float | None = None
    """0 is close to the source, 1 is unrelated to it; None is the model's default."""
    output_format: OutputFormat = "png"
    stream: bool = False
    """Whether the pictures are to come as events."""
    partial_images: int = 0
    """How many unfinished pictures to stream at most."""
    wishes: Mapping[str, str] = {}
    """Further fields of the contract that not every model knows, such as ``quality``, by name."""
    operation: str = VARY
    """Which of the family's operations is asked for, by name."""
    extensions: frozenset[str] = frozenset()
    """Which of our extensions the client sent."""
    unknown: tuple[str, ...] = ()
    """Fields we know nothing of."""

    @property
    def parts(self) -> Iterator[bytes | Upload]:
        """All that makes two requests the same: what is asked in words, then the pictures."""
        words = structs.replace(self, images=(), mask=None, wishes={}, extensions=frozenset())
        yield repr((words, sorted(self.wishes.items()), sorted(self.extensions), self.mask is None)).encode()
        yield from self.images if self.mask is None else (self.mask, *self.images)

    @property
    def amounts(self) -> dict[str, int]:
        """How many pictures it asks for, and how many bytes of pictures it brings."""
        return {"images": self.n, "bytes": sum(upload.size for upload in self.images)}


class Values:
    """The single text fields of a form, by name: those that a family knows. Empty text counts as absent.

    Every reader raises InvalidRequest that names the field.
    """

    def __init__(self, form: Form, known: Collection[str]) -> None:
        sent = dict(form.fields)
        if len(sent) < len(form.fields):
            _refuse_repeated(form, known)
        self.unknown = tuple([name for name in sent if name not in known])
        self.found: dict[str, str] = {}
        for name, text in sent.items():
            if name in known and (stripped := text.strip()):
                self.found[name] = stripped

    def text(self, name: str, *, longest: int) -> str | None:
        """Text as it is."""
        text = self.found.get(name)
        if text is not None and len(text) > longest:
            raise InvalidRequest(
                f"'{name}' has more than {longest:,} characters.", param=name, code="string_above_max_length"
            )
        return text

    def needed(self, name: str, *, longest: int) -> str:
        """Text that must be there."""
        text = self.text(name, longest=longest)
        if text is None:
            raise InvalidRequest(
                f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter"
            )
        return text

    def integer(self, name: str, *, low: int, high: int) -> int | None:
        """A whole number."""
        text = self.found.get(name)
        if text is None:
            return None
        if not _INTEGER.fullmatch(text):
            raise InvalidRequest(
                f"'{name}' must be a whole number between {low} and {high}.", param=name, code="invalid_type"
            )
        if not low <= int(text) <= high:
            code = "integer_below_min_value" if int(text) < low else "integer_above_max_value"
            raise InvalidRequest(f"'{name}' must be between {low} and {high}, not {text}.", param=name, code=code)
        return int(text)

    def strength(self) -> float | None:
        """How far to go from the source."""
        text = self.found.get("strength")
        if text is None:
            return None
        if not _NUMBER.fullmatch(text) or not 0 <= float(text) <= 1:
            raise InvalidRequest("'strength' must be a number between 0 (a copy) and 1 (unrelated).", param="strength")
        return float(text)

    def size(self, default: Size | None) -> Size | None:
        """Width and height; None leaves it to the model."""
        text = self.found.get("size")
        if text is None:
            return default
        if text == "auto":
            return None
        match = SIZE.fullmatch(text)
        if match is None:
            raise InvalidRequest(
                "'size' must be 'auto' or WIDTHxHEIGHT in pixels, for instance '1024x1024'.", param="size"
            )
        size = Size(int(match[1]), int(match[2]))
        if max(size.width, size.height) > MAX_SIDE or size.pixels > MAX_PIXELS:
            raise InvalidRequest(
                f"'size' must have sides of at most {MAX_SIDE:,} and {MAX_PIXELS:,} pixels in all, not {size}.",
                param="size",
            )
        return size

    def choice(self, name: str, allowed: tuple[T, ...]) -> T:
        """One of a few words; the first where none is given."""
        text = self.found.get(name)
        if text is None:
            return allowed[0]
        for choice in allowed:
            if choice == text:
                return choice
        raise InvalidRequest(f"'{name}' must be one of {', '.join(map(repr, allowed))}.", param=name)


def _refuse_repeated(form: Form, known: Collection[str]) -> None:
    """InvalidRequest where a known name stands there more than once."""
    seen = set[str]()
    for name, _ in form.fields:
        if name in known and name in seen:
            raise InvalidRequest(f"'{name}' was sent more than once.", param=name, code="duplicate_parameter")
        seen.add(name)


def pictures_of(form: Form, how: str = "Send the picture as a file part named 'image'.") -> tuple[Upload, ...]:
    """The sources; InvalidImage when there is none, which says ``how`` they are sent."""
    images = tuple([upload for name, upload in form.files if name == "image"])
    if not images:
        raise InvalidImage(
            f"Missing required parameter: 'image'. {how}",
            code="missing_required_parameter",
        )
    return images


def asked(
    values: Values,
    *,
    operation: str,
    model: str,
    images: tuple[Upload, ...] = (),
    mask: Upload | None = None,
    wishes: frozenset[str],
) -> ImageRequest:
    """The request for an edit or a generation, from the fields that both have."""
    values.integer("output_compression", low=0, high=100)
    values.text("negative_prompt", longest=MAX_PROMPT)
    for name, words in WORDS.items():
        values.choice(name, words)
    return ImageRequest(
        operation=operation,
        model=model,
        images=images,
        mask=mask,
        prompt=values.text("prompt", longest=MAX_PROMPT),
        n=values.integer("n", low=1, high=MAX_COUNT) or 1,
        size=values.size(None),
        response_format=values.choice("response_format", RESPONSE_FORMATS),
        user=values.found.get("user"),
        seed=values.integer("seed", low=0, high=MAX_SEED),
        strength=values.strength(),
        output_format=values.choice("output_format", OUTPUT_FORMATS),
        stream=values.choice("stream", ("false", "true")) == "true",
        partial_images=values.integer("partial_images", low=0, high=MAX_PARTIAL) or 0,
        wishes={name: text for name, text in values.found.items() if name in wishes},
        extensions=frozenset(values.found) & {"seed", "strength", "output_format"},
        unknown=values.unknown,
    )
