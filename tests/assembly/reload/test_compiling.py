import pytest

from tests.assembly.kit import ENVIRON, Log, compiler, settings_in
from torana.assembly.lending import Connections
from torana.assembly.reload.compiling import certificate
from torana.assembly.tokens import own_token
from torana.auth.build import KeyProblem
from torana.config.model import Auth, Issuer, Server, Settings
from torana.config.secrets import Secret, SecretMissing
from torana.config.units import Seconds
from torana.config.upstreams import Account, C2pa, Images, Model, TargetRef
from torana.core.exchange import Credentials


@pytest.fixture
async def connections():
    opened = Connections()
    yield opened
    await opened.close()


def mirrored(directory, **sections) -> Settings:
    models = {"vary": Model((TargetRef("mirror/echo"),))}
    return settings_in(directory, providers={"mirror": Account(type="echo")}, models=models, **sections)


async def test_an_edition_is_what_the_settings_say(tmp_path, connections):
    making = compiler(Log())
    server = Server(data_dir=str(tmp_path), deadline=Seconds(7))
    settings = mirrored(tmp_path, server=server)
    edition = making.edition(settings, connections)
    snapshot = edition.snapshot
    assert (edition.settings, snapshot.deadline, snapshot.health) == (settings, 7, making.health)
    assert set(snapshot.providers) == {"mirror"}
    assert str(snapshot.catalog.plan("vary", "images.variations").targets[0]) == "mirror/echo"
    token = own_token(settings, ENVIRON, subject="ada", ttl=60, claims={}, clock=making.clock)
    assert (await snapshot.identity.identify(Credentials(f"Bearer {token}"))).subject == "ada"


async def test_keys_that_are_amiss(tmp_path, connections):
    settings = mirrored(tmp_path, auth=Auth(issuers=(_without_key(),)))
    with pytest.raises(KeyProblem, match="NO_KEY is not set"):
        compiler(Log()).edition(settings, connections)


def test_a_certificate_is_read_where_there_is_one(tmp_path):
    (tmp_path / "chain.pem").write_text("chain")
    signing = C2pa(certificates=Secret(file=str(tmp_path / "chain.pem")), key=Secret(env="LAB_KEY"))
    read = certificate(mirrored(tmp_path, images=Images(c2pa=signing)), ENVIRON)
    assert read is not None
    assert (read.certificates, read.key) == (b"chain", b"lab-key")
    assert certificate(mirrored(tmp_path), ENVIRON) is None
    with pytest.raises(SecretMissing):
        certificate(mirrored(tmp_path, images=Images(c2pa=signing)), {})


def _without_key() -> Issuer:
    return Issuer(issuer="us", audience="us", algorithms=("HS256",), secret=Secret(env="NO_KEY"))
