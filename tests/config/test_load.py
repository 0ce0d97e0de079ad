import re
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from torana.config.load import ConfigError, Document, Mistake, load_file, load_text
from torana.config.model import Issuer, Server, Settings
from torana.config.secrets import Secret
from torana.config.units import Bytes, Seconds
from torana.config.upstreams import Account, Model, TargetRef

SAMPLE = """\
server: {host: 127.0.0.1, port: 8787, data_dir: ./data}
auth:
  issuers:
    - {issuer: torana, audience: torana, algorithms: [HS256], secret: {env: TORANA_JWT_SECRET}}
providers:
  studio: {type: local}
  lab: {type: openai-compatible, base_url: "http://127.0.0.1:9001/v1", api_key: {env: LAB_KEY}}
models:
  vary: {targets: [{target: studio/patchwork}]}
  remote: {targets: [{target: lab/redux}]}
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_text(text)
    told = list(map(str, caught.value.mistakes))
    assert str(caught.value) == "\n".join(told)
    return told


def test_the_sample_means_what_it_says():
    assert load_text(SAMPLE).settings == Settings(
        server=Server(data_dir="./data"),
        auth=msgspec.structs.replace(
            Settings().auth,
            issuers=(
                Issuer(
                    issuer="torana",
                    audience="torana",
                    algorithms=("HS256",),
                    secret=Secret(env="TORANA_JWT_SECRET"),
                ),
            ),
        ),
        providers={
            "studio": Account(type="local"),
            "lab": Account(
                type="openai-compatible", base_url="http://127.0.0.1:9001/v1", api_key=Secret(env="LAB_KEY")
            ),
        },
        models={
            "vary": Model((TargetRef("studio/patchwork"),)),
            "remote": Model((TargetRef("lab/redux"),)),
        },
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "# nothing yet\n",
        "---\n",
        "null\n",
        "~",
        "{}",
        "\ufeff",
        "server:\nauth: {issuers: }\nmodels: ~\npictures: {signing_key: }",
    ],
)
def test_nothing_written_is_all_defaults(text):
    assert load_text(text).settings == Settings()


def as_shown(section: Struct) -> dict[str, object]:
    given = {name: value for name, value in msgspec.structs.asdict(section).items() if value is not None}
    return {name: str(value) if isinstance(value, Seconds | Bytes) else value for name, value in given.items()}


def test_defaults_can_be_written_down_as_they_are_shown():
    settings = Settings()
    sections = {name: getattr(settings, name) for name in ("server", "uploads", "pictures", "workers", "telemetry")}
    document = {name: as_shown(section) for name, section in sections.items()}
    assert load_text(yaml.safe_dump(document)).settings == settings


# Each line that is wrong says so itself.
WRONG = [
    """
sever:                          #> sever: no such setting. Did you mean `server`?
  port: 1
server:
  prot:                         #> server.prot: no such setting. Did you mean `port`?
    - 1
  host: [127.0.0.1]             #> server.host: expected text, got a list.
  port: 99999                   #> server.port: expected a whole number <= 65535.
  processes: two                #> server.processes: expected a whole number, got text.
  data_dir: 2020-01-01
  public_url: gateway.example   #> server.public_url: expected something like https://gateway.example.
  deadline: 5x                  #> server.deadline: expected a duration such as 30s, 5m or 1h, got '5x'.
  drain: -1                     #> server.drain: expected a duration such as 30s, 5m or 1h, got -1.
  max_concurrent: ~             #> server.max_concurrent: expected a whole number, got nothing.
  max_concurrent: 5             #> server.max_concurrent: is written twice.
uploads:
  max_body: true                #> uploads.max_body: expected a size such as 512KiB or 25MiB, got True.
  max_file: 1.5                 #> uploads.max_file: expected a size such as 512KiB or 25MiB, got 1.5.
  max_files: 0                  #> uploads.max_files: expected a whole number >= 1.
  grace: .nan                   #> uploads.grace: expected a duration such as 30s, 5m or 1h, got nan.
  linger: {s: 5}                #> uploads.linger: expected a duration such as 30s, 5m or 1h, got {}.
telemetry:
  metrics: maybe                #> telemetry.metrics: expected true or false, got text.
  log_level: loud               #> telemetry.log_level: expected one of debug, info, warning, error.
pictures: 5                     #> pictures: expected settings below it: ttl, store, max_total, signing_key.
server: {}                      #> server: is written twice.
""",
    """
auth:
  issuers:
    - issuer: ""                #> auth.issuers[0].issuer: expected text of length >= 1.
      audience: 12345           #> auth.issuers[0].audience: expected text, got a whole number. Put it in quotes.
      algorithms:
        - HS256
        - none                  #> auth.issuers[0].algorithms[1]: expected one of HS256, RS256, PS256, ES256, EdDSA.
        - hs256                 #> auth.issuers[0].algorithms[2]: expected one of HS256, RS256, PS256, ES256, EdDSA.
      secret: hunter2           #> auth.issuers[0].secret: expected settings below it: env, file.
      claims:
        teams: 5                #> auth.issuers[0].claims.teams: expected text, got a whole number. Put it in quotes.
    - issuer: a                 #> auth.issuers[1]: `audience` is missing.
      algorithms: []            #> auth.issuers[1].algorithms: needs at least 1.
      jwks_file:
    - issuer: a                 #> auth.issuers[2]: HS256 goes with `secret` and with no other algorithm; all others go\
 with public keys.
      audience: b
      algorithms: [HS256]
      public_key: {env: KEY}
    - issuer: a
      audience: b
      algorithms: [RS256]
      public_key: {env: A, file: B}  #> auth.issuers[3].public_key: a secret names either `env` or `file`.
""",
    """
auth:
  issuers:                      #> auth.issuers: expected a list: `[a, b]`, or lines that begin with `-`.
    issuer: torana
providers:
  a b: {type: local}            #> providers.'a b': a name begins with a letter or digit and goes on with letters,\
 digits, `.`, `_` and `-`, 64 in all at most.
  lab:                          #> providers.lab: `type` is missing.
    base_url: "https://u:p@lab.example"  #> providers.lab.base_url: expected something like https://api.example/v1.
    api_key: {}                 #> providers.lab.api_key: a secret names either `env` or `file`.
    models:
      - 2.0                     #> providers.lab.models[0]: expected something like flux-redux. Put it in quotes.
      - ""                      #> providers.lab.models[1]: expected something like flux-redux.
    extensions: [sead]          #> providers.lab.extensions[0]: expected one of seed, strength, output_format.
    timeouts:
      <<: {total: 5s}           #> providers.lab.timeouts.'<<': no such setting. Known here: connect, first_byte, total.
      total: 5 weeks            #> providers.lab.timeouts.total: expected a duration such as 30s, 5m or 1h, got\
 '5 weeks'.
    download_hosts: [https://cdn.example]  #> providers.lab.download_hosts[0]: expected something like cdn.example or\
 10.0.0.5:9000.
models:
  one:                          #> models.one: `targets` is missing.
  two: {targets: }              #> models.two.targets: needs at least 1.
  three: {targets: [a/b]}       #> models.three.targets[0]: expected settings below it: target, priority, weight,\
 when, parameters, headers, prompt.
  four: {targets: [{target: a}]}  #> models.four.targets[0].target: expected something like studio/patchwork.
""",
    """
providers: [a]                  #> providers: expected names below it, each with settings of its own.
server:
  host: |                       #> server.host: holds a line break or another invisible character.
    localhost
  data_dir: "a\\0b"             #> server.data_dir: holds a line break or another invisible character.
  max_head: {}                  #> server.max_head: expected a size such as 512KiB or 25MiB, got {}.
  public_url: [a]               #> server.public_url: expected something like https://gateway.example.
  processes: 1.5                #> server.processes: expected a whole number, got a number.
  port: 0b_                     #> server.port: YAML takes this for something that it is not. Put text in quotes.
auth:
  issuers:
    - issuer: 2020-01-01 10:00  #> auth.issuers[0]: `algorithms` is missing.
      audience: {a: b}          #> auth.issuers[0].audience: expected text, got settings.
    - algorithms: [HS256]       #> auth.issuers[1]: `audience` is missing.
      issuer: 2020-01-01 10:00:00
workers:
  ? [a, b]                      #> workers.'?': no such setting. Known here: count, deadline, memory, queue.
  : 1
""",
    """
providers:
  lab:
    type: any
    prices:
      a b:                      #> providers.lab.prices.'a b': expected something like flux-redux.
        {dated: 2026-11-01, source: a guess}
      sdxl:                     #> providers.lab.prices.sdxl: `dated` is no day of the calendar: 2026-02-30.
        {dated: 2026-02-30, source: a guess}
      fal-ai/flux:              #> providers.lab.prices.'fal-ai/flux': `source` is missing.
        dated: today            #> providers.lab.prices.'fal-ai/flux'.dated: expected something like 2026-11-22.
        per_image: cheap        #> providers.lab.prices.'fal-ai/flux'.per_image: expected something like 0.04.
      redux:                    #> providers.lab.prices.redux: a price is 0 or more.
        {dated: 2026-11-01, source: a guess, per_image: -1}
models:
  one:
    fallback_on: [200]          #> models.one.fallback_on[0]: expected a whole number >= 400.
    targets:
      - target: lab/redux
        when: [team]            #> models.one.targets[0].when: expected names below it, each with a value of its own.
        parameters: {a: [1]}    #> models.one.targets[0].parameters.a: expected true or false or a whole number or a\
 number or text, got a list.
  one:                          #> models.one: is written twice.
    targets: [{target: lab/redux}]
""",
]


def test_what_stands_behind_names_of_others_is_named_as_they_name_it():
    written = """
providers:
  fal:
    type: any
    prices:
      fal-ai/flux-1/dev/redux: {dated: 2026-11-01, source: fal.ai, by_kind: {high 1024x1024: 0.04}}
models:
  one: {targets: [{target: fal/redux, when: {my team: blue}}]}
"""
    settings = load_text(written).settings
    price = settings.providers["fal"].prices["fal-ai/flux-1/dev/redux"]
    assert (price.dated, price.by_kind) == ("2026-11-01", {"high 1024x1024": Decimal("0.04")})
    assert settings.models["one"].targets[0].when == {"my team": "blue"}


@pytest.mark.parametrize("text", WRONG)
def test_every_mistake_is_told_at_once_with_its_line(text):
    told = [
        f"line {number}: {line.partition('#> ')[2]}"
        for number, line in enumerate(text.splitlines(), 1)
        if "#> " in line
    ]
    assert len(told) >= 5
    assert mistakes(text) == told


@pytest.mark.parametrize("text", ["5", "hello", "- server", "[]", '""'])
def test_a_root_that_holds_no_settings(text):
    known = ", ".join(field.name for field in msgspec.structs.fields(Settings))
    told = f"line 1: expected settings below it: {known}."
    assert mistakes(text) == [told]


PLAIN = "anchors (&), aliases (*) and tags (!) are not supported; text that begins so goes in quotes."


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        (
            "server:\n\tport: 1",
            2,
            "while scanning for the next token found character '\\t' that cannot start any token",
        ),
        ("server: {port: 1\nauth: {}", 2, "while parsing a flow mapping expected ',' or '}'"),
        ("server:\n port: 1\n   host: a", 3, "mapping values are not allowed here"),
        ("server: {}\n---\nserver: {}", 2, "expected a single document in the stream but found another document"),
        ("server:\n  host: \x01", 2, "the character U+0001 is not allowed."),
        ("server: {host: \udfff}", 1, "the character U+DFFF is not allowed."),
        ("server: &a {}\n", 1, PLAIN),
        ("server:\n  host: *a\n", 2, PLAIN),
        ("server:\n  host: !!str 5\n", 2, PLAIN),
        ("server: !!python/object/apply:os.system [exit 3]\n", 1, PLAIN),
        ("- " * 40 + "a", 1, "nested too deeply."),
        ("server: " + "[" * 200_000, 1, "nested too deeply."),
        ("server: " + "{a: " * 200_000, 1, "nested too deeply."),
    ],
)
def test_what_is_no_plain_yaml_is_told_by_its_line(text, line, told):
    (mistake,) = mistakes(text)
    assert mistake.startswith(f"line {line}: not valid YAML: {told}")


@pytest.mark.parametrize("text", ['a: "\\UFFFFFFFF"', 'a: "\\U00110000"', f"%YAML {'9' * 5000}.1\n---\n"])
def test_escapes_out_of_range_are_told(text):
    assert mistakes(text) == ["not valid YAML: an escape or a directive is out of range."]


def test_laughter_is_cut_short():
    laughs = ["a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    laughs += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert mistakes("\n".join([*laughs, "server: {host: *a11}"])) == [f"line 1: not valid YAML: {PLAIN}"]


def test_no_value_is_shown_that_may_be_a_secret():
    text = "providers: {lab: {type: [s3cret], base_url: 'http://x:s3cret@h', api_key: s3cret, models: s3cret}}"
    assert "s3cret" not in "".join(mistakes(text))


def test_a_line_can_be_found_later():
    document = load_text(SAMPLE)
    assert str(document.mistake(("providers", "lab", "type"), "is odd.")) == "line 7: providers.lab.type: is odd."
    targets = document.mistake(("models", "vary", "targets", 0, "target"), "leads nowhere.")
    assert str(targets) == "line 9: models.vary.targets[0].target: leads nowhere."


def test_a_setting_that_was_not_written_is_told_by_what_is_around_it():
    document = load_text(SAMPLE)
    total = document.mistake(("providers", "lab", "timeouts", "total"), "is odd.")
    assert total == Mistake(7, "providers.lab.timeouts.total", "is odd.")
    assert document.mistake(("workers", "count"), "").line == 1
    assert Document(Settings()).mistake(("workers",), "is odd.") == Mistake(0, "workers", "is odd.")


def test_what_was_written_can_be_asked():
    document = load_text(f"{SAMPLE}workers: {{}}")
    assert document.mentions("providers", "lab")
    assert document.mentions("auth", "issuers", 0)
    assert document.mentions("workers")
    assert not document.mentions("providers", "nowhere")
    assert not document.mentions("auth", "issuers", 1)
    assert document.holds("models")
    assert not document.holds("workers")
    assert not document.holds("uploads")


def test_what_is_right_is_there_beside_what_is_wrong():
    with pytest.raises(ConfigError) as caught:
        load_text(
            "server: {port: x}\nproviders: {right: {type: local}, wrong: {}}\nuploads: {max_files: 3}\nnothing: 1"
        )
    partial = caught.value.partial
    assert partial is not None
    assert partial.settings.providers == {"right": Account(type="local")}
    assert partial.settings.uploads.max_files == 3
    assert partial.settings.server == Server()
    assert partial.mentions("providers", "wrong")


def test_of_what_is_no_yaml_nothing_is_there():
    with pytest.raises(ConfigError) as caught:
        load_text("server: {")
    assert caught.value.partial is None


def test_windows_line_ends_and_byte_order_marks_change_nothing(tmp_path):
    path = tmp_path / "torana.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + SAMPLE.replace("\n", "\r\n").encode())
    assert load_file(path).settings == load_text(SAMPLE).settings


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"#" * (1024 * 1024 + 1), "is larger than 1 MiB"),
        (b"server: {host: caf\xe9}", "is not UTF-8 text"),
        (SAMPLE.encode("utf-16"), "is not UTF-8 text"),
    ],
)
def test_files_that_are_not_read(tmp_path, raw, told):
    path = tmp_path / "torana.yaml"
    path.write_bytes(raw)
    with pytest.raises(ConfigError, match=f"^{re.escape(f'{path}: {told}')}$"):
        load_file(path)


def test_a_file_of_the_largest_size_is_read(tmp_path):
    path = tmp_path / "torana.yaml"
    path.write_bytes(SAMPLE.encode() + b"#" * (1024 * 1024 - len(SAMPLE)))
    assert load_file(path).settings == load_text(SAMPLE).settings


@pytest.mark.parametrize(("name", "told"), [("absent", "No such file or directory"), (".", "Is a directory")])
def test_files_that_cannot_be_read(tmp_path, name, told):
    with pytest.raises(ConfigError, match=f"^{tmp_path / name}: cannot be read: {told}$"):
        load_file(Path(tmp_path / name))


def check(text: str) -> None:
    """Good, or told in whole lines that are there."""
    try:
        load_text(text)
    except ConfigError as error:
        told, partial = error.mistakes, error.partial
    else:
        return
    lines = len(re.split("[\n\r\x85\u2028\u2029]", text))
    assert told
    assert all(str(mistake).isprintable() for mistake in told)
    assert all(0 <= mistake.line <= lines for mistake in told)
    assert partial is None or isinstance(partial.settings, Settings)


SYNTAX = st.text(st.sampled_from("{}[]:,-?!&*#|>'\"%@`~<=\\.\n\r\t \x00\x85\u2028é1ax"), max_size=60)
KEYS = st.sampled_from(
    [*Settings.__struct_fields__, *Server.__struct_fields__, "issuers", "env", "targets", "<<", "a b"]
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.dates(), st.binary(max_size=5), st.text(max_size=8)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.one_of(KEYS, SCALARS), inner, max_size=3)),
    max_leaves=12,
)


@given(st.one_of(st.text(), SYNTAX))
def test_any_text_is_settings_or_told(text):
    check(text)


@given(st.dictionaries(KEYS, VALUES, max_size=4), st.booleans())
def test_any_document_is_settings_or_told(document, flow):
    check(yaml.safe_dump(document, default_flow_style=flow))


@given(st.data())
def test_any_slip_of_the_pen_is_settings_or_told(data):
    start = data.draw(st.integers(0, len(SAMPLE)))
    end = data.draw(st.integers(start, min(len(SAMPLE), start + 30)))
    put = data.draw(st.one_of(SYNTAX, st.sampled_from(SAMPLE.split()), st.just(SAMPLE[start:end] * 2)))
    check(SAMPLE[:start] + put + SAMPLE[end:])


@pytest.mark.parametrize(
    "written",
    [
        "server: {deadline: 0}", "server: {head_timeout: 0s}", "uploads: {max_body: 0}", "uploads: {grace: 0ms}",
        "pictures: {ttl: 0}", "workers: {memory: 0MiB}", "workers: {deadline: 0h}",
    ],
)  # fmt: skip
def test_what_would_stop_the_gateway_at_nothing_must_be_more(written):
    (told,) = mistakes(written)
    assert told.endswith(": must be more than 0.")


def test_what_means_something_at_nothing_may_be_so():
    uploads = "{linger: 0, linger_bytes: 0, min_rate: 0, memory: 0}"
    settings = load_text(f"server: {{drain: 0}}\nuploads: {uploads}").settings
    assert not any((settings.server.drain, settings.uploads.linger, settings.uploads.min_rate))
