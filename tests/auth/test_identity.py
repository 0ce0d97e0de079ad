"""Who is asking: holders of keys, bearers of tokens, and what the operator adds to both."""

import json
import logging
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.auth.doors import ADA, NAMED, PUBLIC, SHARED, door, settings, trust
from tests.auth.forge import ISSUER, NOW, PATIENT, RSA, SECRET, b64, claims, token
from torana.auth.directory import Directory
from torana.auth.identity import Identity
from torana.auth.jwt import MESSAGE, TrustedIssuer
from torana.auth.keys.jwk import secret_key
from torana.auth.keys.jwks import StaticKeys
from torana.auth.token import Reason
from torana.auth.virtual_keys import mint
from torana.config.access import Roles
from torana.config.model import Claims
from torana.core.clock import FakeClock
from torana.core.errors import KeysUnknown, Unauthenticated
from torana.core.exchange import Credentials, Principal
from torana.core.registry import Key, Registry, Subject

MINTED = mint()
ANNA = Subject("user", "anna", teams=("design",), roles=("member",))
NIGHTLY = Subject("service_account", "nightly", teams=("design",))
KEY = Key(MINTED.id, MINTED.digest, "user", "anna")
HELD = Principal("anna", "torana", ("design",), ("member",), key=MINTED.id)
TEAMS = TrustedIssuer(
    settings(("HS256",), mapping=Claims(teams="teams", roles="roles", service_account="client_id")),
    StaticKeys((secret_key(SECRET),)),
)
REGISTRY = Registry(keys=(KEY,), subjects=(ANNA, NIGHTLY))


def knowing(registry: Registry | None = REGISTRY) -> Directory:
    directory = Directory()
    if registry is not None:
        directory.learn(registry)
    return directory


def identity(
    directory: Directory | None = None, *, trusted: TrustedIssuer = TEAMS, roles: Roles | None = None, at: float = NOW
) -> Identity:
    clock = FakeClock(at)
    return Identity(door(trusted, clock=clock), directory or knowing(), roles=roles or Roles(), clock=clock)


def shown(text: str) -> Credentials:
    return Credentials(f"Bearer {text}")


def of(**changes: object) -> Credentials:
    return shown(token(claims(**changes)))


async def refused(asked: Identity, credentials: Credentials) -> str:
    """The reason; asserts that the caller sees the one message and nothing else."""
    with pytest.raises(Unauthenticated) as error:
        await asked.identify(credentials)
    assert (error.value.message, error.value.code, error.value.status) == (MESSAGE, "invalid_api_key", 401)
    assert (error.value.param, error.value.retry_after) == (None, None)
    assert error.value.__suppress_context__
    assert error.value.reason in list(Reason)
    return str(error.value.reason)


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials(f"Bearer {MINTED.text}"),
        Credentials(f"bearer  {MINTED.text}"),
        Credentials(None, MINTED.text),
        Credentials(f"Bearer {MINTED.text}", "something else"),
    ],
)
async def test_a_key_names_its_owner_by_either_header(credentials):
    assert await identity().identify(credentials) == HELD


async def test_a_token_may_come_by_the_key_header_too():
    assert await identity(trusted=SHARED).identify(Credentials(None, token())) == ADA


@pytest.mark.parametrize("header", ["", " ", "Bearer", "Basic YTpi", f"Basic {MINTED.text}", MINTED.text])
async def test_where_there_is_an_authorization_header_no_other_counts(header):
    assert await refused(identity(), Credentials(header, MINTED.text)) in {"missing", "not_bearer"}


@pytest.mark.parametrize(
    ("credentials", "reason"),
    [
        (Credentials(None), "missing"),
        (Credentials(None, ""), "not_bearer"),
        (Credentials(None, f"Bearer {MINTED.text}"), "not_bearer"),
        (shown(MINTED.text[:-1]), "virtual_key_mistyped"),
        (shown(MINTED.text + "\u0661"), "virtual_key_mistyped"),
        (shown(MINTED.text + " "), "virtual_key_mistyped"),
        (shown(MINTED.text + "\n"), "not_bearer"),
        (shown("tor_" + "\ud800" * 62), "virtual_key_mistyped"),
        (shown("tor_" + "x" * 20_000), "virtual_key_mistyped"),
        (shown(mint().text), "virtual_key_unknown"),
        (shown(MINTED.digest), "not_bearer"),
        (shown(MINTED.id), "virtual_key_mistyped"),
    ],
)
async def test_what_is_nobodys_key(credentials, reason):
    assert await refused(identity(), credentials) == reason


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ({"expires": NOW}, "virtual_key_expired"),
        ({"expires": 0.0}, "virtual_key_expired"),
        ({"revoked": NOW}, "virtual_key_revoked"),
        ({"revoked": NOW, "expires": NOW}, "virtual_key_revoked"),
        ({"owner": "deleted"}, "virtual_key_without_owner"),
        ({"kind": "service_account"}, "virtual_key_without_owner"),
    ],
)
async def test_keys_that_are_over(key, reason):
    fields = {"id": MINTED.id, "digest": MINTED.digest, "kind": "user", "owner": "anna", **key}
    directory = knowing(Registry(keys=(Key(**fields),), subjects=(ANNA, NIGHTLY)))
    assert await refused(identity(directory), shown(MINTED.text)) == reason


async def test_a_key_ends_while_the_gateway_runs():
    clock = FakeClock(NOW)
    key = Key(MINTED.id, MINTED.digest, "user", "anna", expires=NOW + 60)
    asked = Identity(door(clock=clock), knowing(Registry(keys=(key,), subjects=(ANNA,))), roles=Roles(), clock=clock)
    clock.advance(59)
    assert await asked.identify(shown(MINTED.text)) == HELD
    clock.advance(1)
    assert await refused(asked, shown(MINTED.text)) == "virtual_key_expired"


async def test_a_rotated_key_is_good_until_its_grace_is_over():
    late = mint()
    directory = knowing(
        Registry(
            keys=(
                Key(MINTED.id, MINTED.digest, "user", "anna", revoked=NOW + 1, successor=late.id),
                Key(late.id, late.digest, "user", "anna"),
            ),
            subjects=(ANNA,),
        )
    )
    assert await identity(directory).identify(shown(MINTED.text)) == HELD
    assert await identity(directory, at=NOW + 1).identify(shown(late.text)) == replace(HELD, key=late.id)
    assert await refused(identity(directory, at=NOW + 1), shown(MINTED.text)) == "virtual_key_revoked"


async def test_what_is_learnt_counts_at_once():
    directory = knowing()
    asked = identity(directory)
    assert await asked.identify(shown(MINTED.text)) == HELD
    directory.learn(Registry(keys=(KEY,), subjects=(Subject("user", "anna", teams=("print",)),)))
    assert (await asked.identify(shown(MINTED.text))).teams == ("print",)
    directory.learn(Registry(subjects=(ANNA,)))
    assert await refused(asked, shown(MINTED.text)) == "virtual_key_unknown"


async def test_before_anything_is_learnt_a_good_key_may_come_back():
    asked = identity(knowing(None))
    with pytest.raises(KeysUnknown) as error:
        await asked.identify(shown(MINTED.text))
    assert (error.value.status, error.value.retry_after) == (503, 1)
    assert await refused(asked, shown(MINTED.text[:-1])) == "virtual_key_mistyped"
    assert (await asked.identify(of())).subject == "ada", "tokens speak for themselves"


async def test_a_keys_models_narrow():
    key = Key(MINTED.id, MINTED.digest, "service_account", "nightly", models=("vary", "studio/*"))
    directory = knowing(Registry(keys=(key,), subjects=(NIGHTLY,)))
    assert await identity(directory).identify(shown(MINTED.text)) == Principal(
        "nightly", "torana", ("design",), (), ("vary", "studio/*"), "service_account", MINTED.id
    )


@pytest.mark.parametrize("kind", ["user", "service_account"])
async def test_who_is_disabled_is_shut_out_with_key_and_token(kind):
    key = Key(MINTED.id, MINTED.digest, kind, "anna")
    directory = knowing(Registry(keys=(key,), subjects=(Subject(kind, "anna", disabled=True),)))
    named = {"sub": "anna"} if kind == "user" else {"client_id": "anna"}
    asked = identity(directory)
    assert await refused(asked, shown(MINTED.text)) == "disabled"
    assert await refused(asked, of(**named)) == "disabled"
    directory.learn(REGISTRY)
    assert (await asked.identify(of(**named))).subject == "anna"
    directory.learn(Registry(subjects=(Subject(kind, "anna", disabled=True),)))
    assert await refused(asked, of(**named)) == "disabled", "though the token was seen before"


async def test_the_registry_adds_to_what_a_token_says():
    said = of(sub="anna", teams=["print", "design"], roles=["auditor"])
    assert await identity().identify(said) == Principal("anna", ISSUER, ("print", "design"), ("auditor", "member"))


async def test_the_registry_adds_nothing_to_another_of_the_same_name():
    account = await identity().identify(of(client_id="anna"))
    assert account == Principal("anna", ISSUER, kind="service_account")
    assert (await identity().identify(of(sub="nightly"))).teams == ()


async def test_a_service_account_by_token():
    known = await identity().identify(of(client_id="nightly", sub="4f6e"))
    assert known == Principal("nightly", ISSUER, ("design",), kind="service_account")


@pytest.mark.parametrize(
    ("roles", "names", "given"),
    [
        (Roles(admin=("user:ada",)), {}, ("admin",)),
        (Roles(operator=("user:a*",)), {}, ("operator",)),
        (Roles(auditor=("everyone",)), {}, ("auditor",)),
        (Roles(auditor=("everyone",)), {"client_id": "ada"}, ()),
        (Roles(admin=("user:ada",)), {"client_id": "ada"}, ()),
        (Roles(admin=("service_account:ada",)), {"client_id": "ada"}, ("admin",)),
        (Roles(admin=("team:ops",)), {"teams": ["dev", "ops"]}, ("admin",)),
        (Roles(admin=("team:ops",)), {"teams": ["dev"]}, ()),
        (Roles(admin=("team:design",)), {"sub": "anna"}, ("member", "admin")),
        (Roles(admin=("user:Ada", "user:ad", "user:ada2", "team:ada")), {}, ()),
        (Roles(admin=("user:ada",), auditor=("everyone",)), {"roles": ["auditor"]}, ("auditor", "admin")),
    ],
)
async def test_the_settings_give_roles(roles, names, given):
    assert (await identity(roles=roles).identify(of(**names))).roles == given


async def test_the_settings_give_roles_to_holders_of_keys():
    assert (await identity(roles=Roles(operator=("user:anna",))).identify(shown(MINTED.text))).roles == (
        "member",
        "operator",
    )


async def test_nothing_that_was_shown_is_kept_or_told(caplog):
    caplog.set_level(logging.DEBUG)
    asked, credentials = identity(), shown(MINTED.text)
    await asked.identify(credentials)
    with suppress(Unauthenticated):
        await asked.identify(shown(MINTED.text[:-1]))
    assert repr(credentials) == "Credentials()"
    assert MINTED.text[:-1] not in f"{caplog.text} {vars(asked)}"


KEYS = st.builds("tor_{}_{}".format, st.text(max_size=14), st.text(max_size=50)) | st.sampled_from(
    [MINTED.text, mint().text, MINTED.text + "\n", MINTED.text.lower()]
)
PARTS = st.binary(max_size=60).map(b64) | st.sampled_from([*token().split("."), "", "e30"])
TEXTS = st.text(max_size=60) | KEYS | st.builds("{}.{}.{}".format, PARTS, PARTS, PARTS)
HEADERS = st.none() | TEXTS | st.builds("{}{}".format, st.sampled_from(["Bearer ", "bearer  ", "Basic "]), TEXTS)


@PATIENT
@given(HEADERS, HEADERS)
async def test_no_headers_raise_anything_but_unauthenticated(authorization, api_key):
    with suppress(Unauthenticated):
        known = await identity(trusted=trust(NAMED, *PUBLIC)).identify(Credentials(authorization, api_key))
        assert known == HELD
        assert MINTED.text in (authorization or api_key or "")


async def test_a_public_key_is_no_shared_secret_here_either():
    asked = identity(trusted=trust(NAMED, *PUBLIC))
    forged = token(claims(), key=b"any secret that is long enough here")
    assert await refused(asked, Credentials(None, forged)) == "algorithm_not_allowed"
    assert (await asked.identify(Credentials(None, token(key=RSA, alg="RS256")))).subject == "ada"


async def test_a_token_that_has_the_letters_of_a_key_in_it_is_a_token() -> None:
    # Four letters of base64url are three bytes, and these come in what UTF-8 makes of this.
    told = [claims(note="." * pad + "\U0002d8bf\U0002d8bf") for pad in range(3)]
    texts = [token(json.dumps(each, ensure_ascii=False).encode()) for each in told]
    (text,) = [text for text in texts if "tor_" in text]
    asked = identity()
    assert [(await asked.identify(shown(text))).subject for _ in range(2)] == ["ada", "ada"]
