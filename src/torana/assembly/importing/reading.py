"""Reads a foreign YAML file within bounds, and walks what was read with each piece's place beside it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from torana.config.load import ConfigError, Mistake, text_of

Location = tuple[str | int, ...]
_MAX_DEPTH = 32
_MAX_NODES = 100_000
"""Of the document with every alias written out: a few anchors can stand for billions."""
_MERGE = "tag:yaml.org,2002:merge"
_DATE = "tag:yaml.org,2002:timestamp"
_PLAIN = re.compile(r"[A-Za-z0-9_*-]+")


@dataclass(frozen=True, slots=True)
class Found:
    """A piece of a document and where it stands; its value is None where nothing was written."""

    at: Location
    value: object

    def get(self, name: str) -> "Found":
        """What stands under a name."""
        return Found((*self.at, name), self.value.get(name) if isinstance(self.value, dict) else None)

    def named(self) -> Iterator[tuple[str, "Found"]]:
        """What stands under names, in order; nothing when this is no mapping."""
        for name, value in self.value.items() if isinstance(self.value, dict) else ():
            yield name, Found((*self.at, name), value)

    def each(self) -> Iterator["Found"]:
        """What stands in a list; nothing when this is none."""
        for index, value in enumerate(self.value if isinstance(self.value, list) else ()):
            yield Found((*self.at, index), value)

    def __str__(self) -> str:
        return "".join(map(_step, self.at)).removeprefix(".") or "the document"


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _PLAIN.fullmatch(step) else f".{step!r}"


def read_file(path: Path) -> Found:
    """A file's document, of plain values whose keys are all text; ConfigError says why there is none."""
    return read_text(text_of(path))


def read_text(text: str) -> Found:
    """YAML text's document; ConfigError says why there is none. Anchors, aliases and merges are followed."""
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        told = " ".join(filter(None, (error.context, error.problem)))
        raise _broken(told, error.problem_mark) from error
    except yaml.reader.ReaderError as error:
        raise _broken(f"the character U+{error.character:04X} is not allowed", None) from error
    except (ValueError, OverflowError) as error:
        # PyYAML does not bound the numbers in escapes and directives.
        raise _broken("an escape or a directive is out of range", None) from error
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError([Mistake(0, "", "this is no configuration: expected sections such as `model_list`.")])
    return Found((), _Plain.of(root))


def _broken(told: str, mark: yaml.Mark | None) -> ConfigError:
    return ConfigError([Mistake(mark.line + 1 if mark else 0, "", f"not valid YAML: {told}.")])


class _Loader(yaml.SafeLoader):
    """Plain YAML, which cannot exhaust the stack."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """A node and all below it."""
        if self._depth == _MAX_DEPTH:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # the stubs leave it bare
            raise yaml.composer.ComposerError(None, None, "nested too deeply", mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


class _Plain:
    """Makes plain values of nodes, and counts them."""

    def __init__(self) -> None:
        self._count = 0
        self._constructor = yaml.constructor.SafeConstructor()

    @classmethod
    def of(cls, root: yaml.Node) -> object:
        """A document's value."""
        return cls().value(root, 0)

    def value(self, node: yaml.Node, depth: int) -> object:
        """A node's value; ConfigError when aliases make too much of it."""
        self._count += 1
        if self._count > _MAX_NODES or depth > _MAX_DEPTH:
            raise _broken("too large or too deep once its aliases (*) are followed", node.start_mark)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, depth + 1) for item in node.value]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, object]:
        merged: dict[str, object] = {}
        own: dict[str, object] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
                for source in map(self.value, sources, [depth + 1] * len(sources)):
                    # Of several that are merged the first counts.
                    merged = (source if isinstance(source, dict) else {}) | merged
                continue
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            if name in own:
                raise _broken(f"`{name}` is written twice", key.start_mark)
            own[name] = self.value(value, depth + 1)
        return merged | own

    def _scalar(self, node: yaml.Node) -> object:
        if node.tag == _DATE:
            return node.value
        try:
            return self._constructor.construct_object(node)
        except (yaml.YAMLError, ValueError):
            # What YAML takes for a number or for a type of its own, and is not.
            return node.value
