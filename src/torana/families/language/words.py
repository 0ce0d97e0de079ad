"""What is said to a model, in words that no API has for itself: what every family hears, every dialect can say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["system", "user", "assistant", "tool"]
Medium = Literal["image", "audio", "file", "video"]
Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Text:
    """Words."""

    text: str
    cached: Mapping[str, Any] | None = None
    """Anthropic's ``cache_control`` of the part: that all up to here is worth keeping at the upstream."""


@dataclass(frozen=True, slots=True)
class Media:
    """A picture, a sound, a film or a document: its bytes, or where the upstream may fetch them, or its id there."""

    medium: Medium
    base64: str | None = field(default=None, repr=False)
    url: str | None = field(default=None, repr=False)
    file_id: str | None = None
    media_type: str | None = None
    name: str | None = None
    detail: str | None = None
    """How closely to look at a picture: OpenAI's ``detail``."""
    cached: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model wants a tool to be run."""

    id: str
    name: str
    arguments: str
    """A JSON object, as text."""
    signature: str | None = field(default=None, repr=False)
    """The upstream's seal on the reasoning that led to it (Gemini's ``thoughtSignature``)."""
    cached: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came of running a tool."""

    call_id: str
    parts: tuple["Text | Media", ...]
    failed: bool = False
    name: str | None = None
    """The tool's, where it is known."""
    cached: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Reasoning:
    """What the model thought before it spoke."""

    text: str = ""
    signature: str | None = field(default=None, repr=False)
    """The upstream's seal, without which it takes no reasoning back."""
    sealed: str | None = field(default=None, repr=False)
    """Reasoning that only the upstream can read (Anthropic's ``redacted_thinking``, OpenAI's encrypted content)."""
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """The model says that it will not."""

    text: str


Part = Text | Media | ToolCall | ToolResult | Reasoning | Refusal


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side says at a time. ``tool`` turns hold results of tools and nothing else."""

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may have run."""

    name: str
    description: str | None = None
    schema: Schema = field(default_factory=dict)
    """JSON schema of its arguments."""
    strict: bool | None = None
    cached: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """Whether tools are to be used."""

    mode: Literal["auto", "none", "any", "one"] = "auto"
    name: str | None = None
    """The tool, where it must be that ``one``."""
    parallel: bool | None = None
    """Whether several may be called at once; None leaves it to the upstream."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The form that the answer must have: any JSON object, or one that a schema describes."""

    schema: Schema | None = None
    name: str = "answer"
    description: str | None = None
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class Thinking:
    """How much the model is to think before it speaks."""

    effort: str | None = None
    """``none``, ``minimal``, ``low``, ``medium``, ``high``, ``xhigh`` or ``max``."""
    budget: int | None = None
    """Tokens at most."""
    shown: bool | None = None
    """Whether its thoughts, or a summary, are to be told."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How words are chosen, and how many."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: Mapping[str, float] = field(default_factory=dict)
    n: int = 1
    logprobs: int | None = None
    """How many likeliest tokens to tell at each place, 0 for the chosen one alone; None tells nothing."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """All that a model is asked, whichever API it was asked by."""

    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    choice: Choice = Choice()
    shape: Shape | None = None
    thinking: Thinking | None = None
    sampling: Sampling = Sampling()
    user: str | None = None
    """The end user's name, as the client tells the upstream."""
    stream: bool = False
    unheard: tuple[str, ...] = ()
    """Fields that were sent, that these words have no room for, and that change nothing of what is asked: they are told
    as ignored. Of one that does, the family refuses the request."""
    emulated: tuple[str, ...] = ()
    """What these words have another way of saying, by the words' name."""

    @property
    def system(self) -> tuple[Turn, ...]:
        """The turns that instruct."""
        return tuple(turn for turn in self.turns if turn.role == "system")

    @property
    def spoken(self) -> tuple[Turn, ...]:
        """All other turns."""
        return tuple(turn for turn in self.turns if turn.role != "system")
