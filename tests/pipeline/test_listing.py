import pytest

from tests.policy.rules import NO_RULES
from torana.auth.build import build_authenticator
from torana.auth.directory import Directory
from torana.auth.identity import Identity
from torana.auth.mint import mint
from torana.config.access import Roles
from torana.config.model import Auth, Claims, Issuer
from torana.config.secrets import Secret
from torana.config.upstreams import Idempotency
from torana.core.clock import FakeClock
from torana.core.errors import Forbidden, ModelNotFound, Unauthenticated
from torana.core.exchange import Credentials, Target
from torana.pipeline.flow import Snapshot
from torana.pipeline.listing import list_models, retrieve_model
from torana.policy.access import Access
from torana.policy.idempotency import Replays
from torana.policy.ledger import Ledger
from torana.policy.rulebook import Additions, Rulebook, Ruling
from torana.routing.catalog import Catalog, Offer
from torana.routing.health import Health
from torana.telemetry.record import Record

KEY = b"a secret that is long enough for HS256"
ISSUER = Issuer(
    issuer="us", audience="us", algorithms=("HS256",), secret=Secret(env="KEY"), claims=Claims(models="models")
)
ALL = ("vary", "lab/redux", "lab/fal-ai/flux")
CLOCK = FakeClock()


def token(*models: str) -> Credentials:
    claims = {"models": list(models)}
    return Credentials("Bearer " + mint(ISSUER, KEY, subject="ada", ttl=600, claims=claims, now=CLOCK.now()))


@pytest.fixture
def record():
    return Record(CLOCK, "req_1", "GET", "/models")


@pytest.fixture
def snapshot():
    async def fetch(url: str) -> bytes:
        raise NotImplementedError(url)

    authenticator = build_authenticator(Auth(issuers=(ISSUER,)), {"KEY": KEY.decode()}, clock=CLOCK, fetch=fetch)
    return Snapshot(
        identity=Identity(authenticator, Directory(), roles=Roles(), clock=CLOCK),
        # No operation at all: to be named, a model needs to do nothing.
        catalog=Catalog(
            {"lab": Offer(lambda _model: frozenset(), ("redux", "fal-ai/flux"))}, {"vary": (Target("lab", "redux"),)}
        ),
        providers={},
        deadline=60.0,
        clock=CLOCK,
        health=Health(CLOCK),
        rulebook=Rulebook(lambda _added: Ruling(Access("all", ()), NO_RULES), Additions(lambda *_: None)),
        ledger=Ledger(None, CLOCK),
        replays=Replays(CLOCK, Idempotency()),
    )


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (["*"], ALL),
        (["lab/*"], ("lab/redux", "lab/fal-ai/flux")),
        (["vary", "unknown"], ("vary",)),
        (["*/redux"], ("lab/redux",)),
        ([], ()),
    ],
)
async def test_a_caller_sees_what_he_may_use(snapshot, record, patterns, names):
    assert await list_models(token(*patterns), snapshot, record) == names
    assert (record.operation, record.principal, record.model) == ("models.list", "ada", None)
    assert [stage for stage, _ in record.stages] == ["auth"]


async def test_what_is_listed_can_be_retrieved_and_nothing_else(snapshot, record):
    authorization = token("lab/*")
    listed = await list_models(authorization, snapshot, record)
    for name in listed:
        assert await retrieve_model(name, authorization, snapshot=snapshot, record=record) == name
        assert (record.operation, record.principal, record.model) == ("models.retrieve", "ada", name)
    for name in set(ALL) - set(listed):
        with pytest.raises(Forbidden):
            await retrieve_model(name, authorization, snapshot=snapshot, record=record)


async def test_a_model_that_does_not_exist_is_in_no_record(snapshot, record):
    with pytest.raises(ModelNotFound):
        await retrieve_model("made-up", token("lab/*"), snapshot=snapshot, record=record)
    assert record.model is None


@pytest.mark.parametrize("authorization", [None, "Bearer not.a.token"])
async def test_a_stranger_learns_nothing(snapshot, record, authorization):
    with pytest.raises(Unauthenticated):
        await list_models(Credentials(authorization), snapshot, record)
    for name in ("vary", "made-up"):
        with pytest.raises(Unauthenticated):
            await retrieve_model(name, Credentials(authorization), snapshot=snapshot, record=record)
    assert (record.principal, record.model) == (None, None)
