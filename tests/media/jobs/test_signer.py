import datetime as dt
import io
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.media.samples import encoded, picture
from torana.media.job import Made
from torana.media.jobs.signing import Credentials, Signing
from torana.media.marks import SourceType, is_signed, mark

c2pa = pytest.importorskip("c2pa", reason="the extra `c2pa` is not installed")
signer = pytest.importorskip("torana.media.jobs.signer")

DAY = dt.timedelta(days=1)
ROOT = ec.generate_private_key(ec.SECP256R1())
KINDS: dict[str, Callable[[], Any]] = {
    "es256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "es384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "es512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ps256": lambda: rsa.generate_private_key(65_537, 2_048),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


def certificate(name: str, key: Any, *, authority: bool) -> bytes:
    """A certificate signed by the root: its own, or a signer's."""
    now = dt.datetime.now(dt.UTC)
    names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Tests"), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    usages = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
    )
    signs = {"digital_signature": not authority, "key_cert_sign": authority, "crl_sign": authority}
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=authority, path_length=None), True),
        (x509.KeyUsage(**usages, **signs, decipher_only=False), True),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(ROOT.public_key()), False),
    ]
    if not authority:
        extensions.append((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False))
    builder = x509.CertificateBuilder(
        issuer_name=x509.Name([names[0], x509.NameAttribute(NameOID.COMMON_NAME, "root")]),
        subject_name=x509.Name(names),
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - DAY,
        not_valid_after=now + DAY,
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(ROOT, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def pem(key: Any) -> bytes:
    encoding, layout = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    private: bytes = key.private_bytes(encoding, layout, serialization.NoEncryption())
    return private


def credentials(key: Any) -> Credentials:
    chain = certificate("signer", key, authority=False) + certificate("root", ROOT, authority=True)
    return Credentials(chain, pem(key))


def signed(data: bytes, file_format: str = "png", *, by: Credentials) -> bytes:
    params = msgspec.msgpack.encode(Signing(by, SourceType.REWORKED, f"image/{file_format}"))
    made: Made = signer.sign_picture(params, [data])
    return made.blobs[0]


def report(data: bytes, file_format: str = "png") -> dict[str, Any]:
    """What the library says of a picture."""
    with c2pa.Reader(f"image/{file_format}", io.BytesIO(data)) as reader:
        found: dict[str, Any] = json.loads(reader.json())
        return found


@pytest.fixture(scope="module")
def ours() -> Credentials:
    return credentials(KINDS["es256"]())


@pytest.mark.parametrize("file_format", ["png", "jpeg", "webp"])
def test_says_how_it_was_made_and_nothing_of_its_source(ours, file_format):
    data = signed(encoded(picture(), file_format), file_format, by=ours)
    found = report(data, file_format)
    manifest = found["manifests"][found["active_manifest"]]

    assert is_signed(data)
    assert found["validation_state"] == "Valid"
    assert manifest["claim_generator_info"][0]["name"] == "torana"
    (actions,) = (each["data"]["actions"] for each in manifest["assertions"])
    assert actions == [{"action": "c2pa.created", "digitalSourceType": SourceType.REWORKED.uri}]
    assert "ingredients" not in manifest


def test_a_mark_is_signed_with_the_picture(ours):
    marked = mark(encoded(picture(), "PNG"), SourceType.REWORKED)
    data = signed(marked, by=ours)

    assert mark(data, SourceType.MADE) == data
    changed = data.replace(b"compositeWithTrained", b"compositeWithUnTrain")
    assert report(data)["validation_state"] == "Valid"
    assert report(changed)["validation_state"] == "Invalid"


@pytest.mark.parametrize("kind", KINDS)
def test_signs_with_what_the_key_is_for(kind):
    found = report(signed(encoded(picture(), "PNG"), by=credentials(KINDS[kind]())))

    assert found["manifests"][found["active_manifest"]]["signature_info"]["alg"].lower() == kind
    assert found["validation_state"] == "Valid"


def test_a_key_that_is_not_the_certificate_s(ours):
    with pytest.raises(c2pa.C2paError):
        signed(encoded(picture(), "PNG"), by=Credentials(ours.certificates, pem(KINDS["es256"]())))


def test_a_key_of_another_kind(ours):
    with pytest.raises(ValueError, match="Ed448"):
        signed(encoded(picture(), "PNG"), by=Credentials(ours.certificates, pem(ed448.Ed448PrivateKey.generate())))
