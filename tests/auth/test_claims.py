"""What claims mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.auth.forge import AUDIENCE, ISSUER, NOW, PATIENT, claims
from torana.auth.claims import Claimed, examine, find_claim
from torana.auth.token import Reason, Refused
from torana.config.model import Claims, Issuer
from torana.config.secrets import Secret
from torana.config.units import Seconds
from torana.core.exchange import Principal


def issuer(**mapping: str) -> Issuer:
    return Issuer(
        issuer=ISSUER,
        audience=AUDIENCE,
        algorithms=("HS256",),
        secret=Secret(env="S"),
        leeway=Seconds(30),
        claims=Claims(**mapping),
    )


def principal(mapping: dict[str, str], **changes: object) -> Principal:
    return examine(claims(**changes), issuer(**mapping), NOW).principal


def refused(now: float = NOW, **changes: object) -> Reason:
    with pytest.raises(Refused) as error:
        examine(claims(**changes), issuer(), now)
    return error.value.reason


def test_good_claims_name_a_principal_who_may_use_every_model():
    claimed = examine(claims(), issuer(), NOW)
    assert claimed == Claimed(Principal(subject="ada", issuer=ISSUER, models=None), NOW + 600 + 30)


@pytest.mark.parametrize("audience", [AUDIENCE, [AUDIENCE], ["other", AUDIENCE]])
def test_our_audience_among_others(audience):
    assert examine(claims(aud=audience), issuer(), NOW).principal.subject == "ada"


@pytest.mark.parametrize(
    "audience", [None, "", "other", "Torana", "torana2", [], ["other"], [[AUDIENCE]], {AUDIENCE: 1}, 1]
)
def test_another_audience(audience):
    assert refused(aud=audience) is Reason.AUDIENCE


@pytest.mark.parametrize(
    "exp", ["1900000000", True, False, [NOW + 9], {}, float("nan"), float("inf"), -1, 10**400, 2e12]
)
def test_an_expiry_that_is_no_time(exp):
    assert refused(exp=exp) is Reason.BAD_TIMES


def test_an_expiry_that_is_not_there():
    assert refused(exp=None) is Reason.BAD_TIMES
    with pytest.raises(Refused, match="bad_times"):
        examine({**claims(), "exp": None}, issuer(), NOW)


@pytest.mark.parametrize("name", ["nbf", "iat"])
@pytest.mark.parametrize("value", ["1", True, float("nan"), 1e400, 10**400, [], -5])
def test_a_start_that_is_no_time(name, value):
    assert refused(**{name: value}) is Reason.BAD_TIMES


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_a_start_may_be_absent(name):
    assert examine(claims(**{name: None}), issuer(), NOW).principal.subject == "ada"


def test_the_leeway_bounds_the_expiry():
    assert examine(claims(exp=NOW), issuer(), NOW + 29.9).until == NOW + 30
    assert refused(exp=NOW, now=NOW + 30) is Reason.EXPIRED


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_the_leeway_bounds_the_start(name):
    assert examine(claims(**{name: NOW + 30}), issuer(), NOW).principal.subject == "ada"
    assert refused(**{name: NOW + 30.5}) is Reason.NOT_YET_VALID


def test_times_may_have_fractions():
    assert examine(claims(exp=NOW + 0.5, iat=NOW - 0.5), issuer(), NOW).until == NOW + 30.5


@pytest.mark.parametrize(
    "subject", [None, "", " ", 7, True, ["ada"], {}, "a" * 257, "a\nb", "a\x00", "\ud800", "a\u202eb"]
)
def test_a_subject_that_names_nobody(subject):
    assert refused(sub=subject) is Reason.NO_SUBJECT


def test_the_subject_may_be_another_claim():
    assert principal({"subject": "user.email"}, sub=None, user={"email": "Jürgen Groß"}).subject == "Jürgen Groß"


@pytest.mark.parametrize(
    ("value", "teams"),
    [
        (["a", "b c"], ("a", "b c")),
        ("a b  c", ("a", "b", "c")),
        ("", ()),
        (["a", 1, None, {}, "b"], ("a", "b")),
        (7, ()),
        ({"a": 1}, ()),
        (None, ()),
    ],
)
def test_names_are_a_list_or_text_with_spaces(value, teams):
    assert principal({"teams": "groups"}, groups=value).teams == teams
    assert principal({"roles": "groups"}, groups=value).roles == teams
    assert principal({"models": "groups"}, groups=value).models == teams


def test_a_service_account_is_asking_where_its_claim_is_there():
    mapping = {"service_account": "client.id"}
    asked = principal(mapping, client={"id": "nightly"}, sub=None)
    assert (asked.subject, asked.kind, asked.name) == ("nightly", "service_account", "service_account:nightly")
    assert principal(mapping).name == "user:ada"
    assert principal(mapping, client={"id": None}).name == "user:ada"
    assert principal({}, client={"id": "nightly"}).name == "user:ada"


@pytest.mark.parametrize("account", ["", " ", 7, False, ["nightly"], {}, "a\nb", "a" * 257])
def test_a_service_account_without_a_name_is_nobody_and_no_user_either(account):
    with pytest.raises(Refused, match="no_subject"):
        principal({"service_account": "client_id"}, client_id=account)


def test_what_is_not_mapped_is_not_read():
    known = principal({}, teams=["a"], roles=["b"], models=["c"])
    assert (known.teams, known.roles, known.models) == ((), (), None)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("plain", 1),
        ("https://corp.example/models", 2),
        ("realm_access.roles", 3),
        ("a.b.c", 4),
        ("both.ways", 5),
        ("deep.https://corp.example/x", 6),
        ("plain.deeper", None),
        ("list.0", None),
        ("absent", None),
        ("realm_access.", None),
        (".", None),
        ("", None),
    ],
)
def test_a_claim_is_found_by_its_whole_name_then_step_by_step(name, found):
    tree = {
        "plain": 1,
        "https://corp.example/models": 2,
        "realm_access": {"roles": 3},
        "a": {"b": {"c": 4}},
        "both.ways": 5,
        "both": {"ways": 0},
        "deep": {"https://corp.example/x": 6},
        "list": [0],
    }
    assert find_claim(tree, name) == found


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text("ab \n\ud800", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=5,
)


@PATIENT
@given(st.dictionaries(st.sampled_from(["aud", "exp", "nbf", "iat", "sub", "groups"]), JSON))
def test_no_claims_raise_anything_but_refused(changes):
    mapped = issuer(teams="groups.a", roles="groups", models="groups.b.a")
    try:
        claimed = examine({**claims(), **changes}, mapped, NOW)
    except Refused:
        return
    assert claimed.until > NOW
    assert claimed.principal.models is not None
