"""Responses made small, and unreadable to whoever has the disk or the bucket but not the key."""

import secrets
import zlib
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from torana.core.errors import WorkFailed
from torana.storage.files import in_thread
from torana.storage.objects.port import Swept
from torana.storage.responses.port import Shelf

MOST = 64 * 1024**2
"""Bytes of one document, as it is read."""
_PLAIN, _ENCRYPTED = b"\1", b"\2"
_NONCE = 12


class Sealed:
    """A shelf whose documents are compressed and, where there is a key, encrypted with AES-256 in Galois/Counter mode.

    What one key has sealed cannot be moved to another name. Without the key it is as if it were not there.
    """

    def __init__(self, shelf: Shelf, key: bytes | None) -> None:
        self._shelf = shelf
        # A secret is as long as its operator made it; the cipher's key is 32 bytes.
        self._cipher = None if key is None else AESGCM(sha256(b"torana responses\0" + key).digest())

    async def put(self, name: str, data: bytes) -> None:
        """Keeps a document, in place of what was under that name; WorkFailed for one of more than ``MOST`` bytes."""
        if len(data) > MOST:
            raise WorkFailed(f"The response has {len(data):,} bytes, more than is kept.", code="storage_failed")
        await self._shelf.put(name, await in_thread(self._seal, name, data))

    async def get(self, name: str) -> bytes | None:
        """The document of that name; None when there is none that the key opens, or its time is up."""
        data = await self._shelf.get(name)
        return None if data is None else await in_thread(self._open, name, data)

    async def remove(self, name: str) -> None:
        """Forgets a document; nothing when there is none."""
        await self._shelf.remove(name)

    async def sweep(self) -> Swept:
        """Removes what expired."""
        return await self._shelf.sweep()

    def _seal(self, name: str, data: bytes) -> bytes:
        small = zlib.compress(data, 1)
        if self._cipher is None:
            return _PLAIN + small
        nonce = secrets.token_bytes(_NONCE)
        return _ENCRYPTED + nonce + self._cipher.encrypt(nonce, small, name.encode())

    def _open(self, name: str, data: bytes) -> bytes | None:
        kind, rest = data[:1], data[1:]
        try:
            if kind == _ENCRYPTED:
                if self._cipher is None:
                    return None
                rest = self._cipher.decrypt(rest[:_NONCE], rest[_NONCE:], name.encode())
            elif kind != _PLAIN or self._cipher is not None:
                return None
            opener = zlib.decompressobj()
            found = opener.decompress(rest, MOST)
        except (InvalidTag, ValueError, zlib.error):
            return None
        return found if opener.eof else None
