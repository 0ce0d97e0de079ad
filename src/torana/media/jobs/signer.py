"""Signing a finished picture (C2PA): the job, as a worker does it."""

import io

import c2pa  # type: ignore[import-not-found, import-untyped, unused-ignore]  # an extra, which brings no types
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from torana.media.job import Made
from torana.media.jobs.signing import Credentials, Signing

_SETTINGS = {
    # Signing with a key that does not belong to the certificate must fail here, not at whoever looks at the picture.
    "verify": {"verify_after_sign": True, "ocsp_fetch": False, "remote_manifest_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},
}
"""No sockets are opened, and nothing is decoded."""

_CURVES = {"secp256r1": b"es256", "secp384r1": b"es384", "secp521r1": b"es512"}


def sign_picture(params: bytes, sources: list[bytes]) -> Made:
    """Embed a signed manifest into the only source; ``params`` is a Signing in MessagePack."""
    asked = msgspec.msgpack.decode(params, type=Signing)
    signed = io.BytesIO()
    with (
        c2pa.Context.from_dict(_SETTINGS) as context,
        c2pa.Builder(_manifest(asked), context) as builder,
        _signer(asked.credentials) as signer,
    ):
        builder.sign(signer, asked.media_type, io.BytesIO(sources[0]), signed)
    return Made(blobs=(signed.getvalue(),))


def _manifest(asked: Signing) -> dict[str, object]:
    """That it was created, and how. A source is not named: it is the caller's, and nobody else's to know of."""
    created = {"action": "c2pa.created", "digitalSourceType": asked.source_type.uri}
    return {
        "claim_generator_info": [{"name": "torana"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}],
    }


def _signer(credentials: Credentials) -> c2pa.Signer:
    algorithm = _algorithm(credentials.key)
    return c2pa.Signer.from_info(c2pa.C2paSignerInfo(algorithm, credentials.certificates, credentials.key, None))


def _algorithm(key: bytes) -> bytes:
    """C2PA's name for what the key signs with."""
    match load_pem_private_key(key, None):
        case ec.EllipticCurvePrivateKey(curve=curve) if curve.name in _CURVES:
            return _CURVES[curve.name]
        case rsa.RSAPrivateKey():
            return b"ps256"
        case ed25519.Ed25519PrivateKey():
            return b"ed25519"
        case other:
            raise ValueError(f"C2PA cannot sign with a {type(other).__name__}")
