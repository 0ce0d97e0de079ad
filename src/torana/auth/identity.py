"""Who is asking: by a token or a virtual key, and with what the operator's registry and settings add to it."""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import TypeAlias

from msgspec.structs import replace

from torana.auth import virtual_keys
from torana.auth.directory import Directory, Edition
from torana.auth.jwt import MESSAGE, Authenticator
from torana.auth.token import Reason, Refused
from torana.config.access import Patterns, Roles, names_of
from torana.core.clock import Clock
from torana.core.errors import KeysUnknown, Unauthenticated
from torana.core.exchange import Credentials, Principal
from torana.core.registry import ADMIN, AUDITOR, OPERATOR

ISSUER = "torana"
"""Who vouches for the holder of a virtual key: we do."""

_REMEMBERED = 10_000
"""Callers who are not looked up again while nothing new is learnt."""
_KEY = re.compile(rf"(?i:bearer) +({virtual_keys.PREFIX}.*)")

_Given: TypeAlias = tuple[tuple[str, Patterns], ...]
"""Roles, and who has them by the settings."""


class Identity:
    """Knows callers by their tokens and virtual keys."""

    def __init__(self, authenticator: Authenticator, directory: Directory, *, roles: Roles, clock: Clock) -> None:
        self._authenticator = authenticator
        self._directory = directory
        self._clock = clock
        self._given: _Given = tuple(
            (role, Patterns.of(whom))
            for role, whom in ((ADMIN, roles.admin), (OPERATOR, roles.operator), (AUDITOR, roles.auditor))
        )
        self._edition = directory.edition
        self._complete = self._completion(self._edition)

    async def identify(self, credentials: Credentials) -> Principal:
        """Who is asking.

        Unauthenticated when that is not proven: always with the same message, and with a ``reason`` for logs and
        metrics, which is one of ``token.Reason``. KeysUnknown for a key while it cannot be told whose it is.
        """
        bearer = credentials.bearer
        # A token may have these letters anywhere, but most have not.
        key = _KEY.fullmatch(bearer) if bearer is not None and virtual_keys.PREFIX in bearer else None
        try:
            if key is not None:
                said = self._holder(key[1])
            else:
                known = self._authenticator.known(bearer)
                said = known if known is not None else await self._authenticator.authenticate(bearer)
            edition = self._directory.edition
            if edition is not self._edition:
                self._edition, self._complete = edition, self._completion(edition)
            return self._complete(said)
        except Refused as refused:
            raise Unauthenticated(MESSAGE, reason=refused.reason.value) from None

    def _holder(self, text: str) -> Principal:
        """The owner of a key, as far as the key itself tells."""
        key = self._directory.edition.keys.get(virtual_keys.digest(text))
        if key is None:
            raise self._unknown(text)
        now = self._clock.now()
        if key.revoked is not None and now >= key.revoked:
            raise Refused(Reason.KEY_REVOKED)
        if key.expires is not None and now >= key.expires:
            raise Refused(Reason.KEY_EXPIRED)
        if key.owner is None:
            raise Refused(Reason.KEY_WITHOUT_OWNER)
        return Principal(key.owner.name, ISSUER, models=key.models, kind=key.owner.kind, key=key.id)

    def _unknown(self, text: str) -> Refused | KeysUnknown:
        """Why a text that begins like a key is none that is known."""
        if not virtual_keys.is_virtual_key(text):
            return Refused(Reason.KEY_MISTYPED)
        if not self._directory.known:
            return KeysUnknown("The gateway has not learnt yet which keys there are. Try again in 1 s.", retry_after=1)
        return Refused(Reason.KEY_UNKNOWN)

    def _completion(self, edition: Edition) -> Callable[[Principal], Principal]:
        return lru_cache(_REMEMBERED)(partial(_complete, edition, self._given))


def _complete(edition: Edition, given: _Given, said: Principal) -> Principal:
    """The caller with the teams and roles that the registry and the settings add; Refused when he is shut out."""
    subject = edition.subjects.get((said.kind, said.subject))
    if subject is None:
        teams, roles = said.teams, said.roles
    elif subject.disabled:
        raise Refused(Reason.DISABLED)
    else:
        teams, roles = _union(said.teams, subject.teams), _union(said.roles, subject.roles)
    known = replace(said, teams=teams)
    names = names_of(known)
    return replace(known, roles=_union(roles, (role for role, whom in given if whom.fit_any(names))))


def _union(some: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*some, *others)))
