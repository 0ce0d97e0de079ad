"""Keys that verify, from secrets, PEM and JWKS documents; a key's own type decides what it verifies, never a token."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias, get_args

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt import PyJWS, PyJWTError
from jwt.algorithms import ECAlgorithm, HMACAlgorithm, OKPAlgorithm, RSAAlgorithm

from torana.auth.strictjson import read_object
from torana.config.model import Algorithm

Material: TypeAlias = bytes | RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

SHORTEST_SECRET = 32
"""Bytes; as many as SHA-256 gives (RFC 7518, 3.2)."""
_RSA_BITS = range(2048, 8192 + 1)

MAX_KEYS = 64
"""Keys of one JWKS document."""
MAX_DOCUMENT = 256 * 1024
"""Bytes of a document that an issuer serves."""

_SIGNATURES = PyJWS(algorithms=list(get_args(Algorithm)))
_READERS = {"RSA": RSAAlgorithm.from_jwk, "EC": ECAlgorithm.from_jwk, "OKP": OKPAlgorithm.from_jwk}

_log = logging.getLogger(__name__)


class KeyRefused(ValueError):
    """A key, or a document of keys, that we do not use; the message says why and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key's material, the algorithms it verifies, and its name if it has one."""

    material: Material = field(repr=False)
    algorithms: frozenset[str]
    kid: str | None = None

    def signed(self, token: str, algorithm: str) -> bool:
        """Whether this key signed ``token`` (a whole JWT) with ``algorithm``, which its header must name too."""
        if algorithm not in self.algorithms:
            return False
        try:
            _SIGNATURES.decode_complete(token, key=self.material, algorithms=[algorithm])
        except PyJWTError:
            return False
        return True


def secret_key(secret: bytes) -> Key:
    """The shared secret as a key for HS256; KeyRefused when it is short, or in truth a key of another kind."""
    if len(secret) < SHORTEST_SECRET:
        raise KeyRefused(f"it has {len(secret)} bytes; HS256 needs at least {SHORTEST_SECRET}")
    try:
        HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(secret)
    except PyJWTError:
        raise KeyRefused("it is a public key, a certificate or a JWK; a shared secret is random bytes") from None
    return Key(secret, frozenset({"HS256"}))


def pem_key(pem: bytes) -> Key:
    """The key in a PEM public key or certificate, whose dates do not matter; KeyRefused for anything else."""
    if b"PRIVATE KEY-----" in pem:
        raise KeyRefused("it holds a private key; verifying needs the public key alone")
    try:
        certified = b"-----BEGIN CERTIFICATE-----" in pem
        material = x509.load_pem_x509_certificate(pem).public_key() if certified else load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyRefused("it is no PEM public key or certificate") from None
    return _key(material)


def jwk_key(jwk: Mapping[str, object]) -> Key:
    """The key in a member of a JWKS; KeyRefused for private and symmetric keys, and those not meant to verify."""
    kid, use, operations = jwk.get("kid"), jwk.get("use", "sig"), jwk.get("key_ops", ["verify"])
    reader = _READERS.get(str(jwk.get("kty")))
    if reader is None or "d" in jwk or not isinstance(kid, str | None):
        raise KeyRefused("it is no public key of type RSA, EC or OKP")
    if use != "sig" or not isinstance(operations, list) or "verify" not in operations:
        raise KeyRefused("it is not meant to verify signatures")
    try:
        material = reader(dict(jwk))
    except (PyJWTError, ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyRefused("its numbers make no key") from None
    key = _key(material)
    algorithms = frozenset(name for name in key.algorithms if jwk.get("alg", name) == name)
    if not algorithms:
        raise KeyRefused("it is for an algorithm that its type does not fit, or that we do not know")
    return replace(key, algorithms=algorithms, kid=kid)


def jwks_keys(document: bytes) -> tuple[Key, ...]:
    """The usable keys of a JWKS document, the others passed over; KeyRefused when it is no such document."""
    keys = read_document(document).get("keys")
    if not isinstance(keys, list):
        raise KeyRefused("it has no list `keys`")
    if len(keys) > MAX_KEYS:
        raise KeyRefused(f"it has {len(keys)} keys; {MAX_KEYS} is the most")
    return tuple(_usable(key for key in keys if isinstance(key, dict)))


def read_document(document: bytes) -> dict[str, object]:
    """A JSON object that an issuer serves; KeyRefused when it is none, or too large."""
    if len(document) > MAX_DOCUMENT:
        raise KeyRefused(f"it has {len(document)} bytes; {MAX_DOCUMENT} is the most")
    try:
        return read_object(document)
    except ValueError:
        raise KeyRefused("it is no JSON object") from None


def _usable(jwks: Iterable[Mapping[str, object]]) -> Iterator[Key]:
    for jwk in jwks:
        try:
            yield jwk_key(jwk)
        except KeyRefused as refused:
            _log.debug("a key of a JWKS document is passed over: %s", refused)


def _key(material: object) -> Key:
    if isinstance(material, RSAPublicKey) and material.key_size in _RSA_BITS:
        return Key(material, frozenset({"RS256", "PS256"}))
    if isinstance(material, EllipticCurvePublicKey) and isinstance(material.curve, SECP256R1):
        return Key(material, frozenset({"ES256"}))
    if isinstance(material, Ed25519PublicKey):
        return Key(material, frozenset({"EdDSA"}))
    raise KeyRefused("it is none of RSA with 2048 to 8192 bits, EC on P-256, Ed25519")
