import re
from collections.abc import Iterator
from typing import Annotated, Any, get_args

import msgspec
import pytest
import yaml
from msgspec import Meta, Struct
from msgspec.structs import FieldInfo, fields

from torana.config.load import load_text
from torana.config.model import NAME, Auth, Issuer, Pictures, Server, Settings, Store, Telemetry, Uploads, Workers
from torana.config.secrets import Secret
from torana.config.units import URL, Bytes, Seconds
from torana.config.upstreams import Account, Circuit, Idempotency, Images, Model, Prompts, Retries, TargetRef, Timeouts

SECRET = Secret(env="KEY")


def structs(kind: Any) -> Iterator[type[Struct]]:
    """Every struct in a type, however deep."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        yield kind
        for field in fields(kind):
            yield from structs(field.type)
    for part in get_args(kind):
        yield from structs(part)


def notes(kind: Any) -> Iterator[Meta]:
    for part in get_args(kind):
        yield from (part,) if isinstance(part, Meta) else notes(part)


STRUCTS = list(dict.fromkeys(structs(Settings)))
FIELDS = [pytest.param(field, id=f"{kind.__name__}.{field.name}") for kind in STRUCTS for field in fields(kind)]


def test_the_walk_finds_them_all():
    here = {Settings, Server, Uploads, Pictures, Store, Workers, Telemetry, Auth, Issuer, Secret}
    upstreams = {Account, Timeouts, Model, TargetRef, Circuit, Retries, Idempotency, Images, Prompts}
    assert here | upstreams < set(STRUCTS)


@pytest.mark.parametrize("kind", STRUCTS)
def test_settings_are_frozen_and_closed(kind):
    assert kind.__struct_config__.frozen
    assert kind.__struct_config__.forbid_unknown_fields


@pytest.mark.parametrize("field", FIELDS)
def test_every_setting_says_what_it_is_for(field: FieldInfo):
    told = [note.description for note in notes(field.type) if note.description]
    told += [kind.__doc__ for kind in structs(field.type) if kind.__doc__]
    assert told
    assert re.fullmatch(r"[A-Z0-9`].*\.", told[0], re.DOTALL), "a sentence"


@pytest.mark.parametrize("field", FIELDS)
def test_examples_are_what_the_setting_takes(field: FieldInfo):
    for note in notes(field.type):
        for example in note.examples or ():
            assert msgspec.convert(example, Annotated[str, note]) == example


def test_patterns_come_with_an_example_to_tell():
    patterned = [note for kind in STRUCTS for field in fields(kind) for note in notes(field.type) if note.pattern]
    assert patterned
    assert all(note.examples for note in patterned)


def test_nothing_is_open_by_default():
    settings = Settings()
    assert settings.server.host == "127.0.0.1"
    assert settings.auth.issuers == ()
    assert not settings.providers
    assert not settings.models


@pytest.mark.parametrize("kind", [Server, Uploads, Pictures, Workers, Auth])
def test_default_times_and_sizes_are_more_than_nothing(kind):
    quantities = [value for value in msgspec.structs.asdict(kind()).values() if isinstance(value, Seconds | Bytes)]
    assert quantities
    assert min(quantities) > 0


def test_default_times_fit_into_each_other():
    server, uploads, workers, timeouts = Server(), Uploads(), Workers(), Timeouts()
    assert timeouts.total < server.deadline < 600
    assert uploads.grace < uploads.deadline < server.deadline
    assert workers.deadline < server.deadline


def test_default_sizes_fit_into_each_other():
    uploads = Uploads()
    assert uploads.memory <= uploads.max_file < uploads.max_body < Pictures().max_total
    assert uploads.max_part_header < uploads.max_field < uploads.max_body
    assert uploads.max_files < uploads.max_parts


@pytest.mark.parametrize(
    ("secret", "shown"),
    [(Secret(env="KEY"), "environment variable KEY"), (Secret(file="/run/key"), "file /run/key")],
)
def test_a_secret_is_shown_as_its_place(secret, shown):
    assert str(secret) == shown


@pytest.mark.parametrize("places", [{}, {"env": "KEY", "file": "/run/key"}])
def test_a_secret_has_one_place(places):
    with pytest.raises(ValueError, match="a secret names either `env` or `file`"):
        Secret(**places)


def issuer(*algorithms: Any, **sources: Any) -> Issuer:
    return Issuer(issuer="https://idp.example", audience="torana", algorithms=algorithms, **sources)


@pytest.mark.parametrize(
    ("algorithms", "source"),
    [
        (["HS256"], {"secret": SECRET}),
        (["RS256"], {"public_key": SECRET}),
        (["ES256", "EdDSA"], {"jwks_file": "keys.json"}),
        (["RS256", "PS256"], {"jwks_url": "https://idp.example/jwks.json"}),
        (["RS256"], {"discovery": True}),
    ],
)
def test_an_issuer_has_keys_in_one_place(algorithms, source):
    assert issuer(*algorithms, **source).algorithms == tuple(algorithms)


@pytest.mark.parametrize(
    "sources",
    [
        {},
        {"discovery": False},
        {"secret": SECRET, "public_key": SECRET},
        {"jwks_file": "keys.json", "jwks_url": "https://idp.example/jwks.json"},
        {"jwks_url": "https://idp.example/jwks.json", "discovery": True},
    ],
)
def test_an_issuer_with_keys_nowhere_or_everywhere_is_refused(sources):
    with pytest.raises(ValueError, match="an issuer has one of `secret`, `public_key`, `jwks_file`, `jwks_url`"):
        issuer("RS256", **sources)


@pytest.mark.parametrize(
    ("algorithms", "source"),
    [
        (["RS256"], {"secret": SECRET}),
        (["HS256"], {"public_key": SECRET}),
        (["HS256"], {"jwks_url": "https://idp.example/jwks.json"}),
        (["HS256"], {"discovery": True}),
        (["HS256", "RS256"], {"secret": SECRET}),
        (["HS256", "RS256"], {"public_key": SECRET}),
    ],
)
def test_a_public_key_is_never_a_shared_secret(algorithms, source):
    with pytest.raises(ValueError, match="HS256 goes with `secret` and with no other algorithm"):
        issuer(*algorithms, **source)


def takes(pattern: str, text: str) -> bool:
    return re.search(pattern, text) is not None


@pytest.mark.parametrize(
    "url", ["http://h", "https://h.example:8443/v1", "https://[::1]:80/", "http://127.0.0.1:9001/v1"]
)
def test_urls(url):
    assert takes(URL, url)


@pytest.mark.parametrize(
    "url",
    ["", "h.example", "ftp://h", "http://", "http:///v1", "http://u:p@h", "http://h?q", "http://h/#f", "http://h/v1\n"],
)
def test_no_urls(url):
    assert not takes(URL, url)


@pytest.mark.parametrize("name", ["a", "A1", "gpt-5.2_x", "9lives", "a" * 64])
def test_names(name):
    assert takes(NAME, name)


@pytest.mark.parametrize("name", ["", "-a", ".a", "_a", "a b", "a/b", "é", "a\n", "a" * 65])
def test_no_names(name):
    assert not takes(NAME, name)


@pytest.mark.parametrize(
    "store",
    [
        Store("s3://pictures"),
        Store("s3://a.b-c/some/prefix/", region="eu-north-1", path_style=False),
        Store("s3://pictures", endpoint="http://127.0.0.1:9000", key_id=SECRET, key=SECRET),
        Store("gs://pictures/torana", key=Secret(file="/run/key.json")),
        Store("az://pictures", account="mine"),
        Store("az://pictures", account="mine", key=SECRET, timeout=Seconds(3), sweep=Seconds(0)),
    ],
)
def test_a_store_that_holds_together(store):
    assert load_text(yaml.safe_dump({"pictures": {"store": _written(store)}})).settings.pictures.store == store


def _written(value: Any) -> Any:
    """As an operator writes it, who leaves out what is usual."""
    if isinstance(value, Struct):
        return {name: _written(part) for name, part in msgspec.structs.asdict(value).items() if part is not None}
    return float(value) if isinstance(value, Seconds) else value


@pytest.mark.parametrize(
    ("store", "told"),
    [
        ({"url": "file:///tmp"}, "Expected `str` matching regex"),
        ({"url": "s3://"}, "Expected `str` matching regex"),
        ({"url": "s3://key:secret@pictures"}, "Expected `str` matching regex"),
        ({"url": "s3://pictures?endpoint=http://h"}, "Expected `str` matching regex"),
        ({"url": "s3://pictures", "endpoint": "minio:9000"}, "Expected `str` matching regex"),
        ({"url": "s3://pictures", "key": {"env": "KEY"}}, "`key_id` and `key` of s3:// go together"),
        ({"url": "s3://pictures", "key_id": {"env": "ID"}}, "`key_id` and `key` of s3:// go together"),
        ({"url": "s3://pictures", "account": "mine"}, "`account` names the storage account of az://"),
        ({"url": "az://pictures"}, "`account` names the storage account of az://"),
        ({"url": "gs://pictures", "region": "eu"}, "go with s3://, not with gs://"),
        ({"url": "gs://pictures", "key_id": {"env": "ID"}}, "go with s3://, not with gs://"),
        ({"url": "az://pictures", "account": "mine", "path_style": False}, "go with s3://, not with az://"),
    ],
)
def test_a_store_that_does_not_hold_together_is_refused(store, told):
    with pytest.raises(msgspec.ValidationError, match=told):
        msgspec.convert(store, Store)
