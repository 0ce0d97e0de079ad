"""Graphs of nodes in JSON, with placeholders that each call fills: how servers that run graphs are told what to do."""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from torana.config.upstreams import Account
from torana.core.content import Size
from torana.core.errors import InvalidRequest
from torana.dialects.steps import Ask, Steps
from torana.families.images import EDIT, GENERATE, VARY
from torana.media.jobs.preparing import Demands
from torana.providers.base import Declaration, Lent, Provider
from torana.providers.imaging.ability import FREE, Ability, Scale
from torana.providers.imaging.artist import Artist, declared
from torana.providers.imaging.canvas import Stepped
from torana.providers.imaging.vendor import Vendor

SOURCE, MASK, PROMPT, NEGATIVE, SEED = "$image", "$mask", "$prompt", "$negative_prompt", "$seed"
WIDTH, HEIGHT, COUNT, MODEL, STRENGTH, START = "$width", "$height", "$n", "$model", "$strength", "$start"
SOURCES: Final = (SOURCE, *(f"{SOURCE}{number}" for number in range(2, 10)))
"""The placeholders of source pictures, in their order."""
HELP: Final = (
    f"In it, `{SOURCE}`, `{SOURCES[1]}` ..., `{MASK}`, `{PROMPT}`, `{NEGATIVE}`, `{SEED}`, `{WIDTH}`, `{HEIGHT}`, "
    f"`{COUNT}`, `{STRENGTH}` (from 0, the source, to 1) and `{START}` (1 less that) stand for what is asked for, and "
    f"`$NAME` for the target's parameter of that name. `{SEED}` must be there."
)
"""What operators should know of graphs."""
_USUAL_SIZE: Final = Size(1024, 1024)
"""Of pictures from words alone, where nobody says."""
_FAR: Final = Scale(close=0.1, far=1.0, usual=0.6)
"""How much of a picture is made anew: nothing below 0.1 shows."""


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph; texts in it that are a placeholder and nothing else stand for a call's own values."""

    nodes: Mapping[str, object]

    @property
    def names(self) -> frozenset[str]:
        """All its texts that look like placeholders."""
        return frozenset(text for text in _texts(self.nodes) if text.startswith("$"))

    def filled(self, values: Mapping[str, object]) -> object:
        """The graph for one call; nothing within the values is taken for a placeholder."""
        return _filled(self.nodes, values)

    def ability(self) -> Ability:
        """What a model can be asked for, from what there is a place for in its graph."""
        names = self.names
        sources = len(names & frozenset(SOURCES))
        return Ability(
            _operations(names) if sources else frozenset({GENERATE}),
            most=10 if COUNT in names else 1,
            canvas=Stepped(step=8, least=64, most=4096),
            demands=Demands(formats=("png", "jpeg")),
            inline=False,
            sources=max(1, sources),
            prompted=PROMPT in names,
            strength=_FAR if names & {STRENGTH, START} else None,
            most_seed=2**32 - 1,
            mask=MASK in names,
            wishes=frozenset({"negative_prompt"}) if NEGATIVE in names else frozenset(),
            price=FREE,
        )


def read_graphs(folder: str) -> dict[str, Graph]:
    """The graphs in a folder's files ``MODEL.json``, by model; ValueError that names what cannot be used."""
    files = sorted(Path(folder).glob("*.json"))
    if not files:
        raise ValueError(f"there are no graphs in {folder}: it must hold files named MODEL.json")
    return {file.stem: _read(file) for file in files}


def values(ask: Ask, sources: Sequence[str], mask: str | None) -> dict[str, object]:
    """What the placeholders stand for, given the server's own names of the pictures."""
    size = ask.size or _USUAL_SIZE
    told: dict[str, object] = {
        PROMPT: ask.prompt,
        NEGATIVE: ask.wishes.get("negative_prompt", ""),
        # Never the same: such servers answer a graph that they have run with the pictures that they made then.
        SEED: secrets.randbelow(2**32) if ask.seed is None else ask.seed,
        WIDTH: size.width,
        HEIGHT: size.height,
        COUNT: ask.n,
        STRENGTH: ask.strength,
        START: 0.0 if ask.strength is None else round(1 - ask.strength, 4),
        MODEL: ask.model,
        MASK: mask,
    }
    if sources:
        # A graph wants all of its pictures: the last stands in for those that were not sent.
        told |= dict.fromkeys(SOURCES, sources[-1]) | dict(zip(SOURCES, sources, strict=False))
    return told | {f"${name}": value for name, value in ask.parameters.items()}


def declared_with_graphs(vendor: Vendor, draw: Callable[[Ask, Mapping[str, Graph]], Steps]) -> Declaration:
    """A vendor whose accounts may have graphs of their own, in a folder that the option ``graphs`` names."""

    def build(account: Account, key: str | None, lent: Lent) -> Provider:
        folder = account.options.get("graphs")
        own = read_graphs(folder) if folder else {}
        abilities = {name: graph.ability() for name, graph in own.items()} | dict(vendor.abilities)
        return Artist(replace(vendor, draw=lambda ask: draw(ask, own), abilities=abilities), account, key, lent)

    return replace(declared(vendor), build=build)


def check_mask(graph: Graph, ask: Ask) -> None:
    """InvalidRequest when the graph has a place for a mask and there is none."""
    if MASK in graph.names and ask.mask is None:
        raise InvalidRequest("This model needs a 'mask'.", param="mask", code="missing_required_parameter")


def _operations(names: frozenset[str]) -> frozenset[str]:
    return frozenset({EDIT}) if MASK in names else frozenset({VARY, EDIT})


def _read(file: Path) -> Graph:
    try:
        graph = Graph(msgspec.json.decode(file.read_bytes(), type=dict[str, object]))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{file} cannot be read as a graph in JSON") from error
    if SEED not in graph.names:
        raise ValueError(f'{file} has no "{SEED}": every call would make the same picture')
    return graph


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for each in value:
                yield from _texts(each)
        case dict():
            for each in value.values():
                yield from _texts(each)


def _filled(value: object, known: Mapping[str, object]) -> object:
    match value:
        case str():
            return known.get(value, value)
        case list():
            return [_filled(each, known) for each in value]
        case dict():
            return {name: _filled(each, known) for name, each in value.items()}
        case _:
            return value
