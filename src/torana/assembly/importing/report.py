"""What became of a foreign document: every leaf of it is accounted for, by name or by what stands around it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from torana.assembly.importing.reading import Found, Location

ANY = "*"
"""In the place of a remark: any entry of a list."""


class Outcome(Enum):
    """What became of a piece of the input."""

    TAKEN = "taken over"
    TO_DO = "to do"
    LEFT = "left out"
    MOOT = "means nothing here"


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence of the report, about one place."""

    place: str
    outcome: Outcome
    sentence: str

    def __str__(self) -> str:
        return f"{self.place}: {self.outcome.value}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Remark:
    """What can be said beforehand of a setting and all below it."""

    outcome: Outcome
    sentence: str


Remarks = Mapping[Location, Remark]


class Report:
    """Collects what became of each piece. Whatever was told of a piece is told of all below it."""

    def __init__(self) -> None:
        self._lines: dict[tuple[Location, str], Line] = {}
        self._told: set[Location] = set()

    def taken(self, found: Found, sentence: str = "") -> None:
        """It is in the output, which need not be said of each."""
        self._tell(found, Outcome.TAKEN, sentence)

    def to_do(self, found: Found, sentence: str) -> None:
        """It is in the output, and works once the operator has done something."""
        self._tell(found, Outcome.TO_DO, sentence)

    def left(self, found: Found, sentence: str) -> None:
        """It is not in the output."""
        self._tell(found, Outcome.LEFT, sentence)

    def moot(self, found: Found, sentence: str) -> None:
        """It is not in the output, and nothing is lost by that."""
        self._tell(found, Outcome.MOOT, sentence)

    def foremost(self, *found: Found) -> Found:
        """Of settings that mean the same, the one that counts: the first that was written."""
        first, *others = [each for each in found if each.value is not None] or found[:1]
        for each in others:
            self.moot(each, f"`{first}` goes before it.")
        return first

    def note(self, found: Found, outcome: Outcome, sentence: str) -> None:
        """Something to say of a piece, beside what is said of all that is below it."""
        self._lines.setdefault((found.at, sentence), Line(str(found), outcome, sentence))

    def _tell(self, found: Found, outcome: Outcome, sentence: str) -> None:
        self._told.add(found.at)
        if sentence:
            self.note(found, outcome, sentence)

    def closed(self, root: Found, remarks: Remarks, otherwise: str) -> tuple[Line, ...]:
        """The whole report, in the order of the document; ``otherwise`` is said of what nobody spoke of."""
        rest = _Rest(frozenset(self._told), remarks)
        for found, remark in rest.of(root):
            outcome, sentence = (remark.outcome, remark.sentence) if remark else (Outcome.LEFT, otherwise)
            self._tell(found, outcome, sentence)
        places = {at: number for number, at in enumerate(_places(root))}
        ordered = sorted(self._lines.items(), key=lambda each: places.get(each[0][0], len(places)))
        return tuple(line for _, line in ordered)


class _Rest:
    """Finds what nobody spoke of, each piece as large as can be."""

    def __init__(self, told: frozenset[Location], remarks: Remarks) -> None:
        self._told = told
        self._around = {at[:end] for at in told for end in range(len(at))}
        self._remarks = remarks
        self._leading = {place[:end] for place in remarks for end in range(len(place))}

    def of(self, found: Found) -> Iterator[tuple[Found, Remark | None]]:
        if found.at in self._told:
            return
        remark = _fitting(self._remarks, found.at)
        inside = [*(inner for _, inner in found.named()), *found.each()]
        if inside and (found.at in self._around or _anywhere(found.at) in self._leading):
            for inner in inside:
                yield from self.of(inner)
        elif remark or (found.at and found.value not in (None, {}, [])):
            yield found, remark


def _fitting(remarks: Remarks, at: Location) -> Remark | None:
    """The remark on a place, or on the nearest one around it."""
    around = (_anywhere(at[:end]) for end in range(len(at), 0, -1))
    return next((remarks[place] for place in around if place in remarks), None)


def _anywhere(at: Location) -> Location:
    return tuple(ANY if isinstance(step, int) else step for step in at)


def _places(found: Found) -> Iterator[Location]:
    yield found.at
    for inner in (*(inner for _, inner in found.named()), *found.each()):
        yield from _places(inner)
