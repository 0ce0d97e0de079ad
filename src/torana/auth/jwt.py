"""Answers who is asking: a token in, a principal out, or one refusal for every reason."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from torana.auth.cache import TokenCache, Verified
from torana.auth.claims import Claimed, examine
from torana.auth.keys.jwks import KeySet
from torana.auth.token import Reason, Refused, Token, read_bearer, read_token
from torana.config.model import Auth, Issuer
from torana.core.clock import Clock
from torana.core.errors import Unauthenticated
from torana.core.exchange import Principal

MESSAGE = (
    "The Authorization header must carry a valid bearer token or virtual key for this gateway: "
    "`Authorization: Bearer <token or key>`, or else `x-api-key: <key>`. "
    "Ask its operator for one, or mint a token with `torana token mint`."
)

_USUAL = "Bearer "


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """Someone whose tokens we accept, and his keys."""

    settings: Issuer
    keys: KeySet


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What a token proves if it was signed with one of these keys."""

    claimed: Claimed
    keys: KeySet


class Authenticator:
    """Checks bearer tokens against the issuers it trusts, and remembers those that passed."""

    def __init__(self, settings: Auth, issuers: Iterable[TrustedIssuer], *, clock: Clock) -> None:
        self._issuers = tuple(issuers)
        self._by_name: dict[str, list[TrustedIssuer]] = {}
        for trusted in self._issuers:
            self._by_name.setdefault(trusted.settings.issuer, []).append(trusted)
        self._clock = clock
        self._max_token = settings.max_token
        self._longest = len(_USUAL) + settings.max_token
        self._cache = TokenCache(settings.cache)

    def known(self, authorization: str | None) -> Principal | None:
        """Who is asking, where his token was verified before and still counts; None says nothing about it.

        Of the ways to write the header it knows the one that everybody uses.
        """
        if authorization is None or not authorization.startswith(_USUAL) or len(authorization) > self._longest:
            return None
        return self._cache.get(authorization[len(_USUAL) :], self._clock.now())

    async def authenticate(self, authorization: str | None) -> Principal:
        """Who is asking, by the Authorization header.

        Unauthenticated when it does not prove that: always with the same message, and with a ``reason`` for logs and
        metrics, which is one of ``token.Reason``.
        """
        try:
            return await self._authenticate(read_bearer(authorization, self._max_token))
        except Refused as refused:
            raise Unauthenticated(MESSAGE, reason=refused.reason.value) from None

    @property
    def unready(self) -> tuple[str, ...]:
        """The issuers that have no keys, or not yet: their tokens are refused."""
        return tuple(trusted.settings.issuer for trusted in self._issuers if not trusted.keys.ready)

    async def start(self) -> None:
        """Begin to keep all keys fresh; does not wait for any."""
        for trusted in self._issuers:
            trusted.keys.start()

    async def stop(self) -> None:
        """End it."""
        await asyncio.gather(*(trusted.keys.stop() for trusted in self._issuers))

    async def _authenticate(self, text: str) -> Principal:
        known = self._cache.get(text, self._clock.now())
        if known is not None:
            return known
        token = read_token(text)
        verified = await _verify(token, self._candidates(token))
        self._cache.put(text, verified)
        return verified.principal

    def _candidates(self, token: Token) -> list[_Candidate]:
        """The issuers that the token suits: several may share one name, with another audience or other keys.

        Claims come before signatures, so that only a token that would pass can make us compute or fetch anything.
        """
        candidates, reasons = [], [Reason.UNKNOWN_ISSUER]
        name = token.claims.get("iss")
        for trusted in self._by_name.get(name, ()) if isinstance(name, str) else ():
            try:
                candidates.append(self._candidate(token, trusted))
            except Refused as refused:
                reasons.append(refused.reason)
        if not candidates:
            raise Refused(*reasons)
        return candidates

    def _candidate(self, token: Token, trusted: TrustedIssuer) -> _Candidate:
        if token.algorithm not in trusted.settings.algorithms:
            raise Refused(Reason.ALGORITHM)
        return _Candidate(examine(token.claims, trusted.settings, self._clock.now()), trusted.keys)


async def _verify(token: Token, candidates: Sequence[_Candidate]) -> Verified:
    verified = _proven(token, candidates)
    if verified is None and any(await asyncio.gather(*(one.keys.refresh_for(token.kid) for one in candidates))):
        verified = _proven(token, candidates)
    if verified is None:
        raise Refused(*(_why_not(token, one.keys) for one in candidates))
    return verified


def _proven(token: Token, candidates: Sequence[_Candidate]) -> Verified | None:
    for one in candidates:
        if any(key.signed(token.text, token.algorithm) for key in one.keys.find(token.kid, token.algorithm)):
            return Verified(one.claimed.principal, one.claimed.until, one.keys, one.keys.version)
    return None


def _why_not(token: Token, keys: KeySet) -> Reason:
    if not keys.ready:
        return Reason.KEYS_UNAVAILABLE
    return Reason.BAD_SIGNATURE if keys.find(token.kid, token.algorithm) else Reason.UNKNOWN_KEY
