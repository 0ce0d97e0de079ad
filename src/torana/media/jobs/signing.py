"""Signing a finished picture (C2PA), so that everyone can see who says how it came to be: what the gateway asks for.

Needs the extra ``c2pa`` where the workers run.
"""

from typing import Final

import msgspec
from msgspec import structs

from torana.core.content import Picture
from torana.media.job import InMemory, Job, Runner
from torana.media.marks import SourceType, is_signed

FUNCTION: Final = "torana.media.jobs.signer:sign_picture"
"""The job that does it, in a module of its own because it needs a library that the gateway must not load."""


class Credentials(msgspec.Struct, frozen=True):
    """The operator's certificates and private key, both in PEM.

    The certificates begin with the signer's own, which must be allowed to sign for C2PA (key usage
    ``digitalSignature``, an extended one such as ``emailProtection``) and must not be self-signed. The key is not
    encrypted, and is of a kind that C2PA knows: EC over P-256, P-384 or P-521, RSA, or Ed25519.
    """

    certificates: bytes
    key: bytes

    def __repr__(self) -> str:
        return "Credentials()"


class Signing(msgspec.Struct, frozen=True):
    """The job's parameters."""

    credentials: Credentials
    source_type: SourceType
    media_type: str


async def sign(
    workers: Runner, picture: Picture, *, credentials: Credentials, source_type: SourceType, caller: str
) -> Picture:
    """The picture with a manifest that says it was made, and how; nothing may be changed in it after that.

    One that its maker has signed comes back as it is. ValueError when it is no whole PNG, JPEG or WebP; WorkFailed
    when it cannot be signed with these credentials; else as ``Workers.run``.
    """
    if is_signed(picture.data):
        return picture
    params = msgspec.msgpack.encode(Signing(credentials, source_type, picture.info.media_type))
    made = await workers.run(Job(FUNCTION, params, (InMemory(picture.data),), caller))
    return Picture(made.blobs[0], structs.replace(picture.info, bare=False))
