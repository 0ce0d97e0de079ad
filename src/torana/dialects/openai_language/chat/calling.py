"""Tool calls in pieces, which may come mixed: told one after the other, as the hub has them.

Those that are called while another is still growing wait for it, and with them all of their pieces.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from torana.dialects.openai_language.chat.answers import Call
from torana.dialects.steps import unreadable
from torana.families.language.saying import Delta, Happening, PartBegun, Sealed


@dataclass(slots=True)
class Calls:
    """The calls of one answer."""

    answer: int
    names: list[str] = field(default_factory=list)
    """Ids of the calls that came."""
    _slots: dict[int, int] = field(default_factory=dict)
    """Which of them an index stands for."""
    _open: int | None = None
    """The one that grows."""
    _said: list[str] = field(default_factory=list)
    """Its arguments so far."""
    _waiting: dict[int, list[Happening]] = field(default_factory=dict)

    def hear(self, call: Call, place: int) -> Iterable[Happening]:
        """What a piece says that has a place among the calls; UpstreamError for more of one that was complete."""
        slot = self._slots.get(place)
        named = call.function is not None and bool(call.function.name)
        # Some number all calls alike, and tell them apart by their ids.
        if slot is None or (named and call.id and call.id != self.names[slot]):
            slot = self._slots[place] = len(self.names)
            begun = call.whole(self.answer, slot)
            self.names.append(begun.id)
            if self._waiting or not self._is_whole():
                self._waiting[slot] = [PartBegun(begun, self.answer)]
                return
            self._open, self._said = slot, [begun.arguments]
            yield PartBegun(begun, self.answer)
            return
        pieces = list(self._pieces(call))
        if slot in self._waiting:
            self._waiting[slot] += pieces
        elif slot == self._open:
            self._said += [piece.text for piece in pieces if isinstance(piece, Delta)]
            yield from pieces
        elif any(isinstance(piece, Delta) and piece.text.strip() for piece in pieces):
            raise unreadable()

    def close(self) -> Iterable[Happening]:
        """All that waited: no more comes of the one that was growing."""
        self._open = None
        for happenings in self._waiting.values():
            yield from happenings
        self._waiting.clear()

    def _pieces(self, call: Call) -> Iterable[Happening]:
        if call.function is not None and call.function.text:
            yield Delta(call.function.text, self.answer)
        if call.signature is not None:
            yield Sealed(call.signature, self.answer)

    def _is_whole(self) -> bool:
        """Whether nothing more can come of the one that grows."""
        if self._open is None:
            return True
        try:
            msgspec.json.decode("".join(self._said))
        except (ValueError, RecursionError):
            return False
        return True
