"""Takes a vendor's steps one by one: each goes out, its reply goes back in, until there are pictures."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from http import HTTPStatus

from msgspec import structs

from torana.config.upstreams import Account
from torana.core.errors import ToranaError, UpstreamAuth, UpstreamError, UpstreamTimeout, UpstreamUnreachable
from torana.core.exchange import EVENT_STREAM, Context, Event, Message, Partial
from torana.core.waits import Deadline, retry_after
from torana.dialects.steps import Ask, Drawn, Poll, ReadEvent, Received, Send
from torana.providers.imaging.vendor import Vendor
from torana.upstream.client import Client, Origin, Response, Timeouts
from torana.upstream.download import parse_link
from torana.upstream.framing import read_events
from torana.upstream.retrying import NOT_NOW

_MORE_TRIES = 4
"""How often work that was taken on is asked after again when that fails."""
_MAX_WAIT = 20.0
"""Seconds that an upstream may ask to wait before that."""
_UNDO_SECONDS = 5.0


@dataclass(slots=True)
class _Progress:
    """How far a conversation has come."""

    accepted: bool = False
    """Whether the upstream may charge for what it was sent."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """How to talk with a vendor for one account."""

    vendor: Vendor
    account: Account
    origin: Origin
    client: Client = field(repr=False)
    """Sends with our credentials."""
    stranger: Client = field(repr=False)
    """Sends without."""
    undoing: set[asyncio.Task[None]] = field(default_factory=set, repr=False)
    """Jobs that are being taken back."""

    async def hold(self, ask: Ask, context: Context) -> Drawn:
        """What comes of an Ask; a ToranaError says by ``spent`` whether the upstream may charge all the same."""
        progress = _Progress()
        total = min(self.account.timeouts.total, context.within)
        limit = Deadline(total)
        try:
            with limit:
                return await self._walk(ask, context, progress)
        except TimeoutError as error:
            if not limit.expired:
                raise
            late = UpstreamTimeout(f"The upstream did not finish within {total:g} s.")
            late.spent = progress.accepted
            raise late from error
        except ToranaError as error:
            error.spent |= progress.accepted
            raise

    async def _walk(self, ask: Ask, context: Context, progress: _Progress) -> Drawn:
        steps = self.vendor.draw(ask)
        try:
            step = next(steps)
            while True:
                step = steps.send(await self._take(step, context, progress))
        except StopIteration as end:
            drawn: Drawn = end.value
            # Some make more than they were asked for: nobody has to take that, or to fetch it.
            return drawn if len(drawn.pictures) <= ask.n else structs.replace(drawn, pictures=drawn.pictures[: ask.n])
        finally:
            steps.close()

    async def _take(self, step: Send | Poll, context: Context, progress: _Progress) -> Received:
        submits = isinstance(step, Send) and step.submits
        costs_nothing = isinstance(step, Poll) or step.message.method == "GET"
        take = self._ask if progress.accepted and costs_nothing else self._exchange
        try:
            if isinstance(step, Poll):
                await asyncio.sleep(self.account.poll)
            received = await take(step, context, progress)
        except (UpstreamError, asyncio.CancelledError) as error:
            # Once something was sent, nobody can say whether the upstream has begun.
            unsent = isinstance(error, UpstreamAuth) or type(error) is UpstreamUnreachable
            progress.accepted |= submits and not unsent
            if isinstance(error, asyncio.CancelledError) and isinstance(step, Poll) and step.undo is not None:
                self._undo(step.undo, context)
            raise
        if not received.succeeded:
            raise self.vendor.fault(received)
        return received

    async def _ask(self, step: Send | Poll, context: Context, progress: _Progress) -> Received:
        """Asks until there is an answer, within reason: work that was taken on is not lost by one bad reply."""
        for _ in range(_MORE_TRIES):
            wait = 0.0
            with contextlib.suppress(UpstreamUnreachable, UpstreamTimeout):
                received = await self._exchange(step, context, progress)
                wait = retry_after(received.headers) or 0.0
                if received.status not in NOT_NOW or wait > _MAX_WAIT:
                    return received
            await asyncio.sleep(max(wait, self.account.poll))
        return await self._exchange(step, context, progress)

    def _undo(self, step: Send, context: Context) -> None:
        """Take a job back, behind the back of whoever left; if that fails, it ends and costs as it would have."""

        async def taken_back() -> None:
            with contextlib.suppress(ToranaError):
                await self._exchange(step, structs.replace(context, within=_UNDO_SECONDS), _Progress())

        task = asyncio.create_task(taken_back())
        self.undoing.add(task)
        task.add_done_callback(self.undoing.discard)

    async def _exchange(self, step: Send | Poll, context: Context, progress: _Progress) -> Received:
        message, origin = self._address(step)
        is_open = isinstance(step, Send) and step.open
        timeouts = self.account.timeouts
        async with (self.stranger if is_open else self.client).send(
            message,
            origin,
            timeouts=Timeouts(
                timeouts.connect,
                timeouts.first_byte,
                min(timeouts.total, context.within),
                context.wishes.attempts,
                context.wishes.on_statuses,
            ),
            max_reply=self.account.max_reply,
            headers=() if is_open else context.headers,
        ) as response:
            # Its word counts from its head on, whatever becomes of the rest.
            taken_on = HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES
            progress.accepted |= isinstance(step, Send) and step.submits and taken_on
            if taken_on and isinstance(step, Send) and step.read is not None and _is_stream(response):
                return await self._follow(response, step.read, context)
            return Received(response.status, response.headers, await response.read())

    async def _follow(self, response: Response, read: ReadEvent, context: Context) -> Received:
        """What a stream comes to; its previews are passed on at once."""
        events: list[Event] = []
        async for event in read_events(response.chunks(), max_event=self.account.max_reply):
            match read(event):
                case Partial() as partial:
                    context.on_partial(partial)
                case Received() as error:
                    return error
                case None:
                    events.append(event)
        return Received(response.status, response.headers, b"", tuple(events))

    def _address(self, step: Send | Poll) -> tuple[Message, Origin]:
        """Where a step goes: the account's own address, or one that the vendor gave and that is the vendor's."""
        if step.url is None:
            return step.message, self.origin
        try:
            link, home = parse_link(step.url), parse_link(self.origin.base_url)
        except ValueError as error:
            raise _stray() from error
        is_home = (link.scheme, link.host, link.port) == (home.scheme, home.host, home.port)
        is_vendors = link.scheme == "https" and any(
            link.host == domain or link.host.endswith(f".{domain}") for domain in self.vendor.hosts
        )
        if not is_home and not is_vendors:
            raise _stray()
        return structs.replace(step.message, path=link.target), link.origin


def _is_stream(response: Response) -> bool:
    return (response.headers.get("content-type") or "").partition(";")[0].strip().lower() == EVENT_STREAM


def _stray() -> UpstreamError:
    return UpstreamError("The upstream gave an address that is not its own.", code="upstream_invalid_reply")
