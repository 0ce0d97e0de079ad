"""Reads a configuration file into Settings, or into every mistake in it, each with its line."""

import difflib
import re
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import msgspec
import yaml
from msgspec import Struct

from torana.config.model import NAME, Settings
from torana.config.units import Bytes, Seconds

T = TypeVar("T")
Location = tuple[str | int, ...]
_MAX_BYTES = 1024 * 1024
_MAX_DEPTH = 32
_NAMES = "a name begins with a letter or digit and goes on with letters, digits, `.`, `_` and `-`, 64 in all at most."
_DATE = "tag:yaml.org,2002:timestamp"
_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "settings",
    "null": "nothing",
}
"""What msgspec calls things, as operators call them."""


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One thing that is wrong, where, and what would be right."""

    line: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.path}: {self.message}" if self.path else f"{where}{self.message}"


class ConfigError(Exception):
    """A configuration that cannot be used, with every mistake found in it."""

    def __init__(self, mistakes: Sequence[Mistake], partial: "Document | None" = None) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = tuple(mistakes)
        self.partial = partial
        """What could be read all the same, for whoever looks for further mistakes."""


@dataclass(frozen=True, slots=True)
class Document:
    """Settings, and the line on which each of them was written, for whoever finds a mistake later."""

    settings: Settings
    lines: Mapping[Location, int] = field(default_factory=dict)

    def mentions(self, *location: str | int) -> bool:
        """Whether something was written at a place, right or wrong."""
        return location in self.lines

    def holds(self, *location: str | int) -> bool:
        """Whether something was written below a place, right or wrong."""
        return any(written[: len(location)] == location for written in self.lines if len(written) > len(location))

    def whole(self, read: Sequence[T], *location: str | int) -> Sequence[T]:
        """What was read of a list, if that is all of it; else nothing, as the rest no longer stands in its place."""
        return () if (*location, len(read)) in self.lines else read

    def mistake(self, location: Location, message: str) -> Mistake:
        """A mistake at a place, or at the nearest place around it that was written down."""
        written = next((location[:end] for end in range(len(location), -1, -1) if location[:end] in self.lines), ())
        return Mistake(self.lines.get(written, 0), _path(location), message)


def load_file(path: Path) -> Document:
    """Read and check a file; ConfigError has all mistakes."""
    return load_text(text_of(path))


def text_of(path: Path) -> str:
    """What a file holds, 1 MiB of UTF-8 at most; ConfigError says why it cannot be had."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError([Mistake(0, str(path), f"cannot be read: {error.strerror}")]) from error
    if len(raw) > _MAX_BYTES:
        raise ConfigError([Mistake(0, str(path), "is larger than 1 MiB")])
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise ConfigError([Mistake(0, str(path), "is not UTF-8 text")]) from error


def from_document(document: Mapping[str, Any], kind: type[T]) -> T:
    """A part of the configuration from plain data that was checked when it was kept; ValueError for anything else."""
    return msgspec.convert(document, kind, dec_hook=_units)


def load_text(text: str) -> Document:
    """Read and check YAML text; ConfigError has all mistakes."""
    root = _compose(text)
    if root is None:
        return Document(Settings())
    reader = _Reader(root)
    read = {name: value for name, value in reader.values(root, Settings, ()).items() if value is not None}
    document = Document(Settings(**read), reader.lines)
    if reader.mistakes:
        raise ConfigError(sorted(reader.mistakes), document)
    return document


def _compose(text: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        told = " ".join(filter(None, (error.context, error.problem)))
        raise ConfigError([Mistake(line, "", f"not valid YAML: {told}.")]) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = f"not valid YAML: the character U+{error.character:04X} is not allowed."
        raise ConfigError([Mistake(line, "", message)]) from error
    except (ValueError, OverflowError) as error:
        # PyYAML does not bound the numbers in escapes and directives.
        raise ConfigError([Mistake(0, "", "not valid YAML: an escape or a directive is out of range.")]) from error


class _Loader(yaml.SafeLoader):
    """Plain YAML: every setting is written where it stands, so that its line is true and its size is what one sees."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """A node and all below it."""
        event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave it bare
        if event.anchor is not None or getattr(event, "tag", None) is not None:
            problem = "anchors (&), aliases (*) and tags (!) are not supported; text that begins so goes in quotes"
            raise yaml.composer.ComposerError(None, None, problem, event.start_mark)
        if self._depth == _MAX_DEPTH:
            raise yaml.composer.ComposerError(None, None, "nested too deeply", event.start_mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


@cache
def _known(kind: type[Any]) -> Mapping[str, msgspec.structs.FieldInfo]:
    """A struct's fields, by the names under which they are written."""
    return {known.encode_name: known for known in msgspec.structs.fields(kind)}


class _Reader:
    """Walks the YAML nodes beside the types that they should have."""

    def __init__(self, root: yaml.Node) -> None:
        self.mistakes: list[Mistake] = []
        self.lines: dict[Location, int] = {(): root.start_mark.line + 1}
        self._again: set[Location] = set()
        self._constructor = yaml.constructor.SafeConstructor()

    def values(self, node: yaml.Node, kind: type[Any], at: Location) -> dict[str, Any]:
        """What a struct is made of, each value checked; None for those that are wrong."""
        known = _known(kind)  # type: ignore[arg-type]  # every class can be a key
        if not isinstance(node, yaml.MappingNode) and not _is_null(node):
            self._wrong(at, f"expected settings below it: {', '.join(known)}.")
            return {}
        values: dict[str, Any] = {}
        for name, value in self._entries(node, at):
            if name in known:
                values[known[name].name] = self._value(value, known[name].type, (*at, name))
            else:
                self._wrong((*at, name), f"no such setting.{nearest(name, known)}")
        for name in (name for name, known_field in known.items() if known_field.required and name not in values):
            self._wrong(at, f"`{name}` is missing.")
        return values

    def _struct(self, node: yaml.Node, kind: type[Any], at: Location) -> Any:
        before = len(self.mistakes)
        values = self.values(node, kind, at)
        if len(self.mistakes) > before:
            return None
        try:
            return kind(**values)
        except ValueError as error:
            self._wrong(at, f"{error}.")
            return None

    def _value(self, node: yaml.Node, kind: Any, at: Location) -> Any:
        bare, meta = _bare(kind)
        inner, container = _inner(bare)
        if inner is None:
            return self._leaf(node, kind, at)
        if _is_null(node) and _optional(bare):
            return None
        if container is None:
            return self._struct(node, inner, at)
        if container is dict:
            return self._by_name(node, get_args(bare), at)
        return self._list(node, inner, at, least=(meta and meta.min_length) or 0)

    def _by_name(self, node: yaml.Node, kinds: tuple[Any, Any], at: Location) -> dict[str, Any]:
        if not isinstance(node, yaml.MappingNode) and not _is_null(node):
            what = "settings" if _inner(kinds[1])[0] else "a value"
            self._wrong(at, f"expected names below it, each with {what} of its own.")
        values: dict[str, Any] = {}
        for name, value in self._entries(node, at):
            misnamed = _misnamed(name, kinds[0])
            if misnamed:
                self._wrong((*at, name), misnamed)
            values[name] = self._value(value, kinds[1], (*at, name))
        return {name: value for name, value in values.items() if value is not None}

    def _list(self, node: yaml.Node, kind: Any, at: Location, *, least: int) -> tuple[Any, ...]:
        if not isinstance(node, yaml.SequenceNode) and not _is_null(node):
            self._wrong(at, "expected a list: `[a, b]`, or lines that begin with `-`.")
            return ()
        written = node.value if isinstance(node, yaml.SequenceNode) else []
        for index, value in enumerate(written):
            self.lines[*at, index] = value.start_mark.line + 1
        if len(written) < least:
            self._wrong(at, f"needs at least {least}.")
        values = (self._value(value, kind, (*at, index)) for index, value in enumerate(written))
        return tuple(value for value in values if value is not None)

    def _leaf(self, node: yaml.Node, kind: Any, at: Location) -> Any:
        if isinstance(node, yaml.ScalarNode) and not node.value.isprintable():
            self._wrong(at, "holds a line break or another invisible character.")
            return None
        try:
            value = msgspec.convert(self._plain(node), kind, dec_hook=_units)
        except msgspec.ValidationError as error:
            self._wrong(at, _explained(error, kind) + _remedy(error, node))
            return None
        except (yaml.YAMLError, ValueError):
            self._wrong(at, "YAML takes this for something that it is not. Put text in quotes.")
            return None
        if value == 0 and isinstance(value, Seconds | Bytes) and not _may_be_zero(kind):
            self._wrong(at, "must be more than 0.")
        return value

    def _plain(self, node: yaml.Node) -> object:
        """A scalar's value; of a list or a mapping, which cannot be right here, only that it is one."""
        if isinstance(node, yaml.ScalarNode):
            # No setting takes a date for anything but text.
            return node.value if node.tag == _DATE else self._constructor.construct_object(node)
        return [] if isinstance(node, yaml.SequenceNode) else {}

    def _entries(self, node: yaml.Node, at: Location) -> Iterator[tuple[str, yaml.Node]]:
        for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            known = (*at, name) in self.lines
            self.lines[*at, name] = key.start_mark.line + 1
            # What stands again below what stands again is no further mistake.
            if known and not any(at[:end] in self._again for end in range(len(at) + 1)):
                self._again.add((*at, name))
                self._wrong((*at, name), "is written twice.")
            yield name, value

    def _wrong(self, at: Location, message: str) -> None:
        self.mistakes.append(Mistake(self.lines[at], _path(at), message))


def _misnamed(name: str, kind: Any) -> str | None:
    """What is wrong with a name, which is one of ours unless its type says otherwise."""
    if kind is str:
        return None if re.match(NAME, name) else _NAMES
    try:
        msgspec.convert(name, kind)
    except msgspec.ValidationError as error:
        return _explained(error, kind)
    return None


def _may_be_zero(kind: Any) -> bool:
    return any((note.extra or {}).get("zero") for note in _nested(kind, msgspec.Meta))


def _explained(error: msgspec.ValidationError, kind: Any) -> str:
    examples = [example for note in _nested(kind, msgspec.Meta) for example in note.examples or ()]
    if examples:
        return f"expected something like {' or '.join(map(str, examples))}."
    if choices := list(_nested(kind, str)):
        return f"expected one of {', '.join(choices)}."
    told = re.sub("`([^`]+)`", lambda quoted: _in_words(quoted[1]), str(error))
    return f"{told[0].lower()}{told[1:]}."


def _remedy(error: msgspec.ValidationError, node: yaml.Node) -> str:
    mistyped = str(error).startswith("Expected `str") and ", got " in str(error)
    return " Put it in quotes." if mistyped and isinstance(node, yaml.ScalarNode) and not _is_null(node) else ""


def _in_words(kind: str) -> str:
    # That a setting may be null goes without saying.
    return " or ".join(_WORDS.get(each, each) for each in kind.removesuffix(" | null").split(" | "))


def _units(kind: type, written: object) -> object:
    if issubclass(kind, Seconds | Bytes):
        return kind.parse(written)
    raise NotImplementedError(kind)


def _bare(kind: Any) -> tuple[Any, msgspec.Meta | None]:
    if get_origin(kind) is Annotated:
        inner, *notes = get_args(kind)
        return inner, next((note for note in notes if isinstance(note, msgspec.Meta)), None)
    return kind, None


def _inner(kind: Any) -> tuple[Any, type | None]:
    """What a container holds, and the container; a struct, and None; (None, None) for a plain value."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        return kind, None
    if get_origin(kind) in (Union, types.UnionType):
        return _inner(next((_bare(arg)[0] for arg in get_args(kind) if arg is not type(None)), None))
    if get_origin(kind) is dict:
        return get_args(kind)[1], dict
    if get_origin(kind) is tuple:
        return get_args(kind)[0], tuple
    return None, None


def _nested(kind: Any, wanted: type[T]) -> Iterator[T]:
    """Everything of a kind that stands in a type expression: its notes, or the choices of its literals."""
    for part in get_args(kind):
        if isinstance(part, wanted):
            yield part
        else:
            yield from _nested(part, wanted)


def _optional(kind: Any) -> bool:
    return type(None) in get_args(kind)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def nearest(name: str, known: Iterable[str]) -> str:
    """What may have been meant by a name that is none, as a sentence after a space."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean `{near[0]}`?" if near else f" Known here: {', '.join(known)}."


def _path(location: Location) -> str:
    return "".join(map(_step, location)).removeprefix(".")


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if re.match(NAME, step) else f".{step!r}"
