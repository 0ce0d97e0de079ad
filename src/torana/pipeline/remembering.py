"""Responses that are kept, so that a conversation goes on from them, whichever upstream goes on with it.

Nothing here is in the call's way but one reading before it, where it goes on from something, and one writing before its
last word. Who may read an answer is who asked for it: another caller's is not to be found.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Generic, Protocol, TypeVar, cast

import msgspec
from msgspec import Raw, structs

from torana.core.errors import InvalidRequest, NotFound, ToranaError
from torana.core.exchange import Opening, Reply, Show, Target
from torana.families.language.asked import LanguageRequest, Spoken
from torana.families.language.responses.continued import (
    Answer,
    Continued,
    Kept,
    answer_of,
    continued,
    input_items,
    is_response,
    known_upstream,
    output_by_id,
    previous,
    referred,
    resolved,
    wants_keeping,
)
from torana.families.language.responses.events import whole

R = TypeVar("R")

_MOST = 32 * 1024**2
"""Bytes of one conversation that are kept."""
_MOST_REFERRED = 16
"""Answers that one request may refer to items of."""


class Shelf(Protocol):
    """Where documents are kept by name."""

    async def put(self, name: str, data: bytes) -> None:
        """Keeps one; WorkFailed when it cannot."""
        ...

    async def get(self, name: str) -> bytes | None:
        """The one of that name, if there is one."""
        ...

    async def remove(self, name: str) -> None:
        """Forgets one."""
        ...


def _silent(_error: ToranaError) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Memory:
    """The answers of all callers, each found by him alone. Without a shelf nothing is kept."""

    shelf: Shelf | None = None
    lost: Callable[[ToranaError], None] = field(default=_silent, repr=False)
    """Told when an answer could not be kept; its caller has it all the same."""

    def of(self, request: object) -> "Memory":
        """What there is for such a request: this where one goes on from its answer, else one that keeps nothing."""
        return self if self.shelf is not None and is_response(request) else FORGETFUL

    async def recalled(self, request: R, owner: str) -> R:
        """The request with all that was said before, where it goes on from an answer.

        InvalidRequest for an answer that is not kept, or not this caller's.
        """
        if self.shelf is None or not isinstance(request, LanguageRequest) or not is_response(request):
            return request
        return cast("R", await self._recalled(request, owner))

    async def _recalled(self, request: LanguageRequest, owner: str) -> LanguageRequest:
        name = previous(request)
        if name is None:
            return await self._referred(request, owner)
        kept = await self._find(name, owner)
        if kept is None:
            raise InvalidRequest(
                f"Previous response with id '{name[:80]}' not found.",
                param="previous_response_id",
                code="previous_response_not_found",
            )
        return continued(await self._referred(request, owner), kept)

    def keeping(self, request: R, owner: str, target: Target) -> "Keeping[R]":
        """What sees to it that an answer of this target is kept."""
        return Keeping(self, request, owner, target)

    async def get(self, response_id: str, owner: str) -> Kept:
        """An answer, and what it is an answer to; NotFound for one that is not kept, or not this caller's."""
        kept = await self._find(response_id, owner)
        if kept is None:
            raise NotFound(f"Response with id '{response_id[:80]}' not found.", param="response_id")
        return kept

    async def remove(self, response_id: str, owner: str) -> None:
        """Forgets an answer; NotFound as above."""
        await self.get(response_id, owner)
        assert self.shelf is not None
        await self.shelf.remove(_name(response_id, owner))

    async def keep(self, response: bytes, request: LanguageRequest, *, owner: str, account: str) -> None:
        """Keeps an answer; one that makes no sense is none, and what fails is told to nobody who asked."""
        try:
            answer = msgspec.json.decode(response, type=Answer)
        except (ValueError, RecursionError):
            return
        if self.shelf is None or not answer.id:
            return
        items = input_items(request)
        fits = len(response) + sum(map(len, items)) <= _MOST
        home = account if known_upstream(answer.id) else ""
        kept = Kept(Raw(response), items if fits else None, home)
        try:
            await self.shelf.put(_name(answer.id, owner), msgspec.json.encode(kept))
        except ToranaError as error:
            self.lost(error)

    async def _find(self, response_id: str, owner: str) -> Kept | None:
        data = None if self.shelf is None else await self.shelf.get(_name(response_id, owner))
        return None if data is None else msgspec.json.decode(data, type=Kept)

    async def _referred(self, request: LanguageRequest, owner: str) -> LanguageRequest:
        """The request with the items that it refers to by their ids alone."""
        if b"item_reference" not in request.raw:
            return request
        names = [name for item in input_items(request) if (name := referred(item))]
        answers = dict.fromkeys(answer for name in names if (answer := answer_of(name)))
        known: dict[str, Raw] = {}
        for answer in list(answers)[-_MOST_REFERRED:]:
            kept = await self._find(answer, owner)
            if kept is not None:
                known.update(output_by_id(kept.response))
        return resolved(request, known) if known else request


@dataclass(frozen=True, slots=True)
class Keeping(Generic[R]):
    """One answer that is to be kept before its caller has all of it: he may go on from it at once."""

    memory: Memory
    asked: R
    owner: str
    target: Target

    @property
    def request(self) -> R:
        """The request as this target gets it."""
        if isinstance(self.asked, Continued) and self.asked.account == self.target.account:
            return structs.replace(self.asked, at_home=True)
        return self.asked

    def opening(self, opened: Callable[[Opening], Show]) -> Callable[[Opening], Show]:
        """The way to tell an answer as it comes."""
        return self._open(opened) if self._wanted else opened

    async def kept(self, reply: Reply[Any]) -> Reply[Any]:
        """The reply, when it is kept."""
        if self._wanted and isinstance(reply.body, Spoken) and not reply.body.told:
            await self._keep(reply.body.data)
        return reply

    @property
    def _wanted(self) -> bool:
        return self.memory.shelf is not None and wants_keeping(self.asked)

    def _open(self, opened: Callable[[Opening], Show]) -> Callable[[Opening], Show]:
        def open_answer(opening: Opening) -> Show:
            show = opened(opening)

            async def shown(piece: bytes) -> None:
                response = whole(piece)
                if response is not None:
                    await self._keep(response)
                await show(piece)

            return shown

        return open_answer

    async def _keep(self, response: bytes) -> None:
        assert isinstance(self.asked, LanguageRequest)
        await self.memory.keep(response, self.asked, owner=self.owner, account=self.target.account)


FORGETFUL = Memory()
"""Keeps nothing."""


def _name(response_id: str, owner: str) -> str:
    """Where an answer is kept: nobody can tell from it whose it is, and no caller comes upon another's."""
    return sha256(f"{len(owner)} {owner} {response_id}".encode()).hexdigest()
