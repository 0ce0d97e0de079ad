"""Forms that are taken up before all of them is there, where nothing seems to lack but the rest of a picture."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable

from torana.core.exchange import Coming, Misled
from torana.edge.bodies.arriving import Arriving
from torana.edge.bodies.parts import Intake

_REMEMBERED = 256
_FORMS = 64
"""How many forms are read whole after one that began like them went on after its picture."""


class Beginning:
    """How a form begins: by the names of its fields, as far as the picture."""

    __slots__ = ("key",)

    def __init__(self, fields: Iterable[str], picture: str) -> None:
        # However long they are, little is kept of them.
        self.key = hash((*fields, picture))


class Habits:
    """What forms are like whose beginning was misleading: clients write theirs alike."""

    def __init__(self) -> None:
        self._left: OrderedDict[int, int] = OrderedDict()

    def misleads(self, like: Beginning) -> bool:
        """Whether a form that begins so had better be read whole."""
        left = self._left.get(like.key, 0)
        if left > 1:
            self._left[like.key] = left - 1
        elif left:
            del self._left[like.key]
        return left > 0

    def note(self, like: Beginning) -> None:
        """A form that begins so was misleading."""
        self._left[like.key] = _FORMS
        self._left.move_to_end(like.key)
        if len(self._left) > _REMEMBERED:
            self._left.popitem(last=False)


class Rest(Coming):
    """What is still to come of a form whose picture is read while it comes; it is taken in beside the call's work.

    After ``within`` seconds nobody waits for it any more, so that a client who is slow holds no upstream. ``misled`` is
    told where the form went on, or the picture was another than it seemed.
    """

    __slots__ = ("_arriving", "_failure", "_intake", "_is_late", "_misled", "_task", "_timer")

    def __init__(self, intake: Intake, arriving: Arriving, *, within: float, misled: Callable[[], None]) -> None:
        self._intake = intake
        self._arriving = arriving
        self._misled = misled
        self._is_late = False
        self._failure: Exception | None = None
        self._timer = asyncio.get_running_loop().call_later(within, self._late)
        self._task = asyncio.create_task(self._follow())

    @property
    def is_here(self) -> bool:
        """As ``Coming`` has it."""
        return self._task.done()

    def check(self) -> None:
        """As ``Coming`` has it."""
        if self._arriving.is_misleading:
            raise Misled

    async def arrived(self) -> None:
        """As ``Coming`` has it."""
        await self._arriving.whole()

    async def taken(self) -> None:
        """Returns when all of it has come; raises what is wrong with it."""
        await self._task
        if self._failure is not None:
            raise self._failure

    async def stop(self) -> None:
        """Nobody wants it any more."""
        self._timer.cancel()
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def _follow(self) -> None:
        intake, arriving = self._intake, self._arriving
        parts = intake.builder.parts
        try:
            while chunk := await intake.arrival.piece():
                await intake.take(chunk)
                if intake.builder.parts > parts:
                    arriving.mislead()
            intake.splitter.close()
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever asks for the whole form learns of it
            self._failure = error
            arriving.mislead()
            return
        finally:
            self._timer.cancel()
        arriving.end()
        if arriving.is_misleading and not self._is_late:
            self._misled()

    def _late(self) -> None:
        self._is_late = True
        self._arriving.mislead()
