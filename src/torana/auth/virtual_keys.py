r"""Virtual keys: made once, shown once, and known by their digest alone from then on.

A key reads ``tor_`` and 12 characters, which are its public id; ``_`` and 43 characters, which are the secret (256
bits); and 6 characters of checksum, the CRC-32 of all before them. They are letters and digits of ASCII, so that a
double click takes the whole. Scanners for leaked secrets find keys by ``\btor_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}\b`` and
can sort out by the checksum what only looks like one: base 62, digits before capitals before small letters, padded
with ``0``.
"""

import re
import secrets
import string
from dataclasses import dataclass, field
from hashlib import sha256
from zlib import crc32

PREFIX = "tor_"
"""What every key begins with, and no JWT can."""

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ID, _SECRET, _CHECK = 12, 43, 6
_FORM = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_ID}}}_[0-9A-Za-z]{{{_SECRET + _CHECK}}}")


@dataclass(frozen=True, slots=True)
class Minted:
    """A new key: ``text`` goes to its holder and nowhere else, ``id`` and ``digest`` are kept."""

    id: str
    text: str = field(repr=False)
    digest: str = field(repr=False)


def mint() -> Minted:
    """A new key, like no other."""
    key_id = PREFIX + _random(_ID)
    body = f"{key_id}_{_random(_SECRET)}"
    text = body + _checksum(body)
    return Minted(key_id, text, digest(text))


def is_virtual_key(text: str) -> bool:
    """Whether this has a key's form and a checksum that fits: no typo, though it may be nobody's."""
    return _FORM.fullmatch(text) is not None and text[-_CHECK:] == _checksum(text[:-_CHECK])


def digest(text: str) -> str:
    """SHA-256 of a key, in hexadecimal: 256 random bits need neither salt nor slowness."""
    # A header may hold what no text does; such a one is nobody's key.
    return sha256(text.encode(errors="surrogatepass")).hexdigest()


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _checksum(body: str) -> str:
    left, digits = crc32(body.encode()), ""
    for _ in range(_CHECK):
        left, digit = divmod(left, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
