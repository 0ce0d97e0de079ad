"""Remembers verified tokens by their digest, so that no token is kept and no signature is checked twice."""

from collections import OrderedDict
from hashlib import blake2b

from msgspec import Struct

from torana.auth.keys.jwks import KeySet
from torana.core.exchange import Principal


class Verified(Struct, frozen=True):
    """What a token proved, until when (seconds since the epoch), and by which state of which keys."""

    principal: Principal
    until: float
    keys: KeySet
    version: int


class TokenCache:
    """At most ``size`` verified tokens; those used longest ago go first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._known: OrderedDict[bytes, Verified] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, token: str, now: float) -> Principal | None:
        """Who the token names, if it was verified before, still counts, and its issuer's keys are the same."""
        digest = _digest(token)
        verified = self._known.get(digest)
        if verified is None:
            return None
        if now >= verified.until or verified.version != verified.keys.version:
            del self._known[digest]
            return None
        self._known.move_to_end(digest)
        return verified.principal

    def put(self, token: str, verified: Verified) -> None:
        """Remember a verified token."""
        self._known[_digest(token)] = verified
        if len(self._known) > self._size:
            self._known.popitem(last=False)


def _digest(token: str) -> bytes:
    # A header may hold what no text does; such a one is nobody's token.
    return blake2b(token.encode(errors="surrogatepass")).digest()
