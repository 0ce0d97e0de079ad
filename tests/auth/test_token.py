"""A bearer token as its bytes say it is."""

import pytest

from tests.auth.forge import b64, claims, seal, token
from torana.auth.token import Reason, Refused, read_bearer, read_token

LIMIT = 8 * 1024
HEADER = b'{"alg":"HS256"}'
SECRET = b"s" * 32


def refused_reading(text: str) -> Reason:
    with pytest.raises(Refused) as refused:
        read_token(text)
    return refused.value.reason


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_the_scheme_is_written_in_any_case(scheme):
    assert read_bearer(f"{scheme} a-_0.b.c", LIMIT) == "a-_0.b.c"


@pytest.mark.parametrize("header", [None, "", " ", "\t"])
def test_nothing_is_missing(header):
    with pytest.raises(Refused) as refused:
        read_bearer(header, LIMIT)
    assert refused.value.reason is Reason.MISSING


@pytest.mark.parametrize(
    "header",
    [
        "Basic YTpi",
        "Bearer",
        "Bearer ",
        "Bearera.b.c",
        "Bearer\ta.b.c",
        "Bearer: a.b.c",
        " Bearer a.b.c",
        "Bearer a.b.c ",
        "Bearer a.b.c\n",
        "Bearer a.b.c d.e.f",
        "Bearer a.b.c, Bearer d.e.f",
        "Bearer Bearer a.b.c",
        "a.b.c",
        "Bearer sk-not-a-jwt",
        "Bearer a.b",
        "Bearer a.b.",
        "Bearer a..c",
        "Bearer .b.c",
        "Bearer a.b.c.d",
        "Bearer a.b.c.d.e",
        "Bearer a.b.c.",
        "Bearer a.b.c=",
        "Bearer a.b+/.c",
        "Bearer a.b\u200b.c",
        "Bearer \u0430.b.c",
        "Bearer a.b.\uff43",
        "Bearer a.b.c\x00",
        "Be\u0430rer a.b.c",
        "\ud800",
    ],
)
def test_what_is_not_one_bearer_token(header):
    with pytest.raises(Refused) as refused:
        read_bearer(header, LIMIT)
    assert refused.value.reason is Reason.NOT_BEARER


def test_the_limit_is_a_tokens_length():
    assert read_bearer("Bearer a.b.c" + "c" * (LIMIT - 5), LIMIT)
    with pytest.raises(Refused) as refused:
        read_bearer("Bearer a.b.c" + "c" * (LIMIT - 4), LIMIT)
    assert refused.value.reason is Reason.TOO_LARGE


def test_a_token_is_read_as_it_is():
    read = read_token(token(claims(), kid="k1", typ="at+jwt"))
    assert (read.algorithm, read.kid, read.claims) == ("HS256", "k1", claims())


def test_a_token_does_not_show_itself():
    text = token(claims(sub="secret-sub"), kid="secret-kid")
    assert "secret" not in repr(read_token(text))
    assert text not in repr(read_token(text))


@pytest.mark.parametrize(
    "text",
    [
        f"{b64(HEADER)}.{b64(b'{}')}.A",
        f"{b64(HEADER)}.e30A.AAAA",
        f"{b64(HEADER)}.e31.AAAA",
        f"{b64(HEADER)}.{b64(b'{}')}.AB",
        seal(HEADER, b"[]", SECRET, "HS256"),
        seal(HEADER, b'"ada"', SECRET, "HS256"),
        seal(HEADER, b"null", SECRET, "HS256"),
        seal(HEADER, b"", SECRET, "HS256").replace("..", ".AA."),
        seal(HEADER, b"[" * 5000, SECRET, "HS256"),
        seal(HEADER, b'{"a":' * 1200, SECRET, "HS256"),
        seal(HEADER, b'{"sub":"ada","sub":"root"}', SECRET, "HS256"),
        seal(HEADER, b'{"exp":NaN}', SECRET, "HS256"),
        seal(HEADER, '{"sub":"ada"}'.encode("utf-16"), SECRET, "HS256"),
        seal(b"[]", b"{}", SECRET, "HS256"),
        seal(b"{}", b"{}", SECRET, "HS256"),
        seal(b'{"alg":"HS256","alg":"none"}', b"{}", SECRET, "HS256"),
        seal(b'{"alg":null}', b"{}", SECRET, "HS256"),
        seal(b'{"alg":["HS256"]}', b"{}", SECRET, "HS256"),
        seal(b'{"alg":"HS256","kid":7}', b"{}", SECRET, "HS256"),
        seal(b'{"alg":"HS256","kid":["a"]}', b"{}", SECRET, "HS256"),
        seal(b'{"alg":"HS256","typ":{}}', b"{}", SECRET, "HS256"),
    ],
)
def test_parts_that_are_not_a_tokens_parts(text):
    assert refused_reading(text) is Reason.MALFORMED


@pytest.mark.parametrize(
    "header",
    [
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/cert"},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"x5c": ["MIIB"]},
        {"crit": ["exp"]},
        {"crit": []},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"b64": True},
        {"typ": "logout+jwt"},
        {"typ": "dpop+jwt"},
        {"typ": ""},
    ],
)
def test_headers_that_bring_keys_extensions_or_another_purpose(header):
    assert refused_reading(token(claims(), **header)) is Reason.HEADER


@pytest.mark.parametrize("kind", ["JWT", "jwt", "at+jwt", "application/at+jwt", "application/JWT"])
def test_types_of_access_tokens(kind):
    assert read_token(token(claims(), typ=kind)).claims == claims()


def test_of_several_reasons_the_furthest_counts():
    assert Refused(Reason.EXPIRED, Reason.UNKNOWN_ISSUER, Reason.AUDIENCE).reason is Reason.EXPIRED
