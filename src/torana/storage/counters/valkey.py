"""Counters in a Valkey or a Redis, shared by all gateways that use it. Needs the extra ``torana[valkey]``.

Each step is one script, so it is atomic, costs one round trip, and runs on the server's clock: gateways whose own
clocks differ agree. All keys carry the prefix as their hash tag and thereby live on one node of a cluster, for a step
must not span nodes. Counters expire by themselves when they are whole again, and places when their leases end.
"""

import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from redis.exceptions import ConnectionError, NoScriptError, RedisError  # noqa: A004 - redis has its own

from torana.storage.counters import gcra, scripts
from torana.storage.counters.port import (
    MICROSECONDS,
    Balance,
    Charged,
    CountersUnavailable,
    Hold,
    PursesClosed,
    Reservation,
    Reserve,
    Settlement,
    Take,
    Verdict,
)
from torana.storage.counters.purses import FORGOTTEN_AFTER, pieces
from torana.storage.counters.scripts import Script
from torana.storage.valkey import CONNECTIONS, open_client

CHUNK = 200
"""So many purses are filled in one step: it holds up the others for a millisecond or so."""


class ValkeyCounters:
    """Counters in the server at ``url``: ``valkey://`` or ``redis://``, with an ``s`` for TLS, or ``unix://``.

    ``prefix`` keeps them apart from whatever else the server holds. Connections are made when they are needed, and a
    command is never sent twice: had its answer been lost, it would be counted twice. No wait is bounded here: see
    ``Guarded``. ValueError for a URL of another kind.
    """

    def __init__(self, url: str, *, prefix: str = "torana", connections: int = CONNECTIONS) -> None:
        self._client = open_client(url, connections)
        self._send: Callable[..., Awaitable[Any]] = self._client.execute_command
        self._prefix = prefix
        self._marker = f"{{{prefix}}}:purses"
        self._reserved = f"{{{prefix}}}:reserved"
        self._admit, self._settle, self._renew = scripts.ADMIT, scripts.SETTLE, scripts.RENEW

    async def admit(
        self, takes: Sequence[Take], holds: Sequence[Hold] = (), reserves: Sequence[Reserve] = (), *, holder: str = ""
    ) -> Verdict:
        """Takes all of it or nothing."""
        arguments: list[str | int] = [holder, len(takes), len(holds)]
        for take in takes:
            rate = take.rate
            arguments += (rate.limit, rate.span, *divmod(take.amount * rate.span, rate.limit))
        for hold in holds:
            arguments += (hold.limit, hold.span)
        for reserve in reserves:
            arguments += (reserve.amount, "" if reserve.limit is None else reserve.limit, _expiry(reserve.ends))
        keys = self._keys(takes, holds)
        if reserves:
            keys += [self._marker, *[self._purse(reserve.key) for reserve in reserves], self._reserved]
        granted, *answer = await self._run(self._admit, keys, arguments)
        if granted < 0:
            raise PursesClosed("The purses are not opened.")
        *refusing, now = answer[:3]
        figures = answer[3:]
        moments, purses = figures[: 2 * len(takes)], figures[2 * len(takes) :]
        whole_at = [
            whole * take.rate.limit + part for take, whole, part in zip(takes, moments[::2], moments[1::2], strict=True)
        ]
        balances = () if holder else _balances(reserves, purses)
        if granted:
            return gcra.granted(takes, whole_at, now, balances)
        full, short = [None if place < 0 else place for place in refusing]
        return gcra.refused(takes, whole_at, now, full=full, short=short, balances=balances)

    async def settle(
        self,
        settlements: Sequence[Settlement],
        holds: Sequence[Hold] = (),
        charged: Sequence[Charged] = (),
        *,
        holder: str = "",
    ) -> bool:
        """Sets right, once, what was estimated, and frees what ``holder`` has; whether he had all that is charged."""
        arguments: list[str | int] = [holder, len(settlements), len(holds)]
        for settlement in settlements:
            rate = settlement.level.take.rate
            arguments += (rate.limit, rate.span)
            for moment in gcra.corrected(settlement):
                arguments += divmod(moment, rate.limit)
        arguments += [charge.amount for charge in charged]
        keys = self._keys([each.level.take for each in settlements], holds)
        if charged:
            keys += [self._marker, *[self._purse(charge.key) for charge in charged], self._reserved]
        known: int = await self._run(self._settle, keys, arguments)
        return known == len(charged)

    async def charge(self, holder: str, charged: Sequence[Charged]) -> bool:
        """Charges what ``holder`` has reserved, also while the purses are closed; whether he had it in each purse."""
        keys = [*[self._purse(charge.key) for charge in charged], self._reserved]
        known: int = await self._run(scripts.CHARGE, keys, [holder, *[charge.amount for charge in charged]])
        return known == len(charged)

    async def renew(self, holds: Sequence[Hold], *, holder: str) -> None:
        """Lets the leases of ``holder`` begin anew."""
        await self._run(self._renew, self._keys((), holds), [holder, *(hold.span for hold in holds)])

    async def opened(self) -> str | None:
        """The run of the server for which the purses were opened; None when they never were."""
        name: bytes | None = await self._ask("GET", self._marker)
        return None if name is None else name.decode()

    async def run(self) -> str:
        """Names the server's present life: in another one it may have forgotten things."""
        run: bytes = await self._run(scripts.RUN, [], [])
        return run.decode()

    async def open(
        self, name: str, spent: Sequence[Charged] = (), reserved: Sequence[tuple[str, Reserve]] = ()
    ) -> None:
        """Fills the purses in many steps, and opens them in the last: for the run of that name and no other."""
        await self.restore(spent, reserved)
        await self._ask("SET", self._marker, name)

    async def restore(self, spent: Sequence[Charged], reserved: Sequence[tuple[str, Reserve]]) -> None:
        """Fills the purses, a chunk of them in each step."""
        await self.raise_to(spent)
        for chunk in pieces(reserved, CHUNK):
            arguments: list[str | int] = []
            for holder, reserve in chunk:
                arguments += (holder, reserve.amount, _expiry(reserve.ends))
            keys = [*[self._purse(reserve.key) for _, reserve in chunk], self._reserved]
            await self._run(scripts.RESERVE, keys, arguments)

    async def raise_to(self, spent: Sequence[Charged]) -> None:
        """Lets at least so much be spent of each purse, a chunk of them in each step."""
        for begin in range(0, len(spent), CHUNK):
            chunk = spent[begin : begin + CHUNK]
            arguments: list[str | int] = []
            for charge in chunk:
                arguments += (charge.amount, _expiry(charge.ends))
            await self._run(scripts.RAISE, [self._purse(charge.key) for charge in chunk], arguments)

    async def stale(self, age: float, *, limit: int) -> list[Reservation]:
        """What was reserved longer ago than ``age`` seconds, by the server's clock."""
        found = await self._run(scripts.STALE, [self._reserved], [round(age * MICROSECONDS), limit])
        entries = zip(found[::2], found[1::2], strict=True)
        reservations = [await self._held(entry.decode(), int(at)) for entry, at in entries]
        return [each for each in reservations if each.amounts]

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def _held(self, entry: str, at: int) -> Reservation:
        """What is left of a reservation; the server forgets one of which there is nothing."""
        holder, *purses = entry.split("\n")
        amounts = await self._run(scripts.HELD, [*purses, self._reserved], [holder])
        begin = len(self._purse(""))
        held = [(key[begin:], int(amount)) for key, amount in zip(purses, amounts, strict=True) if amount]
        return Reservation(holder, at / MICROSECONDS, tuple(held))

    def _keys(self, takes: Sequence[Take], holds: Sequence[Hold]) -> list[str]:
        rates = [f"{{{self._prefix}}}:rate:{take.key}" for take in takes]
        return rates + [f"{{{self._prefix}}}:hold:{hold.key}" for hold in holds]

    def _purse(self, key: str) -> str:
        return f"{{{self._prefix}}}:purse:{key}"

    async def _run(self, script: Script, keys: list[str], arguments: list[str | int]) -> Any:  # noqa: ANN401, see _ask
        """What the script comes to; it goes along whole only where the server does not know its name."""
        command = (len(keys), *keys, *arguments)
        try:
            return await self._ask("EVALSHA", script.name, *command)
        except NoScriptError:
            return await self._ask("EVAL", script.text, *command)

    async def _ask(self, *command: str | int) -> Any:  # noqa: ANN401, what it is depends on the command
        try:
            return await self._send(*command)
        except NoScriptError:
            raise
        except (RedisError, OSError) as error:
            if isinstance(error, ConnectionError):
                # A server that hung up on one has hung up on all, and each would fail a call to find out.
                await self._client.connection_pool.disconnect(inuse_connections=False)
            raise CountersUnavailable(f"The store of counters failed: {error}") from error


def _expiry(ends: float | None) -> int | str:
    """When a purse may go, in whole seconds since the epoch; nothing for one that stays."""
    return "" if ends is None else math.ceil(ends) + FORGOTTEN_AFTER


def _balances(reserves: Sequence[Reserve], purses: Sequence[int]) -> tuple[Balance, ...]:
    """The balances that a step looked at."""
    figures = zip(reserves, purses[::3], purses[1::3], strict=True)
    return tuple([Balance(reserve, int(spent), int(reserved)) for reserve, spent, reserved in figures])
