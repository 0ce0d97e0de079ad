"""Issuers' documents, remembered: whose tokens were good before a reload must not wait for his server after it."""

import asyncio
from dataclasses import dataclass, field

from torana.auth.keys.jwk import KeyRefused, read_document
from torana.auth.keys.jwks import Fetch
from torana.core.errors import UpstreamError

_TRIAL_SECONDS = 2.0
"""For the first fetch of what is remembered: two of them must fit into the time for one refresh."""
_OF_ISSUERS = {"keys", "jwks_uri"}


@dataclass(frozen=True, slots=True)
class Documents:
    """What was last fetched from each URL. It outlives editions of the configuration."""

    _known: dict[str, bytes] = field(default_factory=dict)

    def fetch_by(self, fetch: Fetch) -> Fetch:
        """Fetches for one edition; at its first failure to get a document, the one that is remembered stands in.

        Once only, because from then on the edition has keys, and is to know of failures.
        """
        met: set[str] = set()

        async def fetch_or_recall(url: str) -> bytes:
            remembered = None if url in met else self._known.get(url)
            met.add(url)
            try:
                async with asyncio.timeout(None if remembered is None else _TRIAL_SECONDS):
                    document = await fetch(url)
                _check(document)
            except (UpstreamError, TimeoutError, KeyRefused):
                if remembered is None:
                    raise
                return remembered
            self._known[url] = document
            return document

        return fetch_or_recall


def _check(document: bytes) -> None:
    if not _OF_ISSUERS & read_document(document).keys():
        raise KeyRefused("it holds neither keys nor the address of any")
