import re
import stat
from pathlib import Path

import msgspec
import pytest

from tests.assembly.kit import ENVIRON
from torana.assembly import settings as module
from torana.assembly.gateway import check_keys
from torana.assembly.settings import cross_checks, default_settings, installed, load, missing_secrets, unpriced
from torana.assembly.tokens import own_token
from torana.config.load import ConfigError, Document, load_text
from torana.config.upstreams import Account, Model, TargetRef
from torana.core.clock import SystemClock
from torana.providers.base import declarations

SAMPLE = """\
server: {host: 127.0.0.1, port: 8787, data_dir: ./data}
auth:
  issuers:
    - {issuer: torana, audience: torana, algorithms: [HS256], secret: {env: TORANA_JWT_SECRET}}
providers:
  studio: {type: local}
  lab: {type: openai-compatible, base_url: "http://127.0.0.1:9001/v1", api_key: {env: LAB_KEY}}
models:
  vary: {targets: [{target: lab/redux}, {target: studio/patchwork}]}
"""


def mistakes(text: str) -> list[str]:
    return sorted(str(mistake) for mistake in cross_checks(load_text(text), declarations()))


def changed(old: str, new: str) -> str:
    assert SAMPLE.count(old) == 1
    return SAMPLE.replace(old, new)


def priced(price: str) -> str:
    return f"prices: {{redux: {{dated: 2026-11-22, source: us, {price}}}}}"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder to start the gateway in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_sample_holds_together(tmp_path):
    file = tmp_path / "torana.yaml"
    file.write_text(SAMPLE)
    document = load(file)
    assert document.settings.models["vary"].targets[0] == TargetRef("lab/redux")
    assert mistakes(SAMPLE) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            changed("type: local", "type: lokal"),
            "line 6: providers.studio.type: no such type of provider. Did you mean `local`?",
        ),
        (
            changed("type: local", "type: '?'"),
            f"line 6: providers.studio.type: no such type of provider. Known here: {', '.join(declarations())}.",
        ),
        (
            changed(
                "type: local", "type: azure-openai, api_key: {env: K}, base_url: 'http://x.y', options: {api_v: x}"
            ),
            (
                "line 6: providers.studio.options.api_v: means nothing to the type azure-openai. Did you mean "
                "`api_version`?"
            ),
        ),
        (
            changed("127.0.0.1:9001/v1", "127.0.0.1:9001/v1/chat/completions/"),
            (
                "line 7: providers.lab.base_url: is where the API starts: without `/chat/completions`, which the "
                "gateway adds."
            ),
        ),
        (
            changed("api_key: {env: LAB_KEY}", priced("per_million_tokens: {text_in: 1, txt_out: 2}")),
            (
                "line 7: providers.lab.prices.redux.per_million_tokens.txt_out: no tokens are of this kind. Did you "
                "mean `text_out`?"
            ),
        ),
        (
            changed("api_key: {env: LAB_KEY}", priced("per_million_tokens: {}")),
            "line 7: providers.lab.prices.redux: says nothing of what it costs. What is free has `per_request: 0`.",
        ),
        (
            changed(', base_url: "http://127.0.0.1:9001/v1"', ""),
            "line 7: providers.lab: `base_url` is missing: the type openai-compatible needs it.",
        ),
        (
            changed("type: local", "type: local, max_connections: 3"),
            "line 6: providers.studio.max_connections: means nothing to the type local.",
        ),
        (
            changed("type: local", "type: local, proxy: {url: 'http://proxy.example'}"),
            "line 6: providers.studio.proxy: means nothing to the type local.",
        ),
        (
            changed("type: local", "type: local, timeouts: {connect: 3s}"),
            "line 6: providers.studio.timeouts: means nothing to the type local.",
        ),
        (
            changed("target: lab/redux", "target: lob/redux"),
            "line 9: models.vary.targets[0].target: there is no account `lob` among the providers.",
        ),
        (
            changed("target: studio/patchwork", "target: studio/patch"),
            "line 9: models.vary.targets[1].target: `studio` has no model `patch`. It has: patchwork.",
        ),
        (
            "auth:\n  issuers: []\nproviders:\n  studio: {type: local}\ndatabase: {enabled: false}\n",
            "line 2: auth.issuers: needs at least one issuer where no database has keys, or nobody can get in.",
        ),
        (
            changed("  vary: {targets: [{target: lab/redux}, {target: studio/patchwork}]}\n", "").replace(
                "  studio: {type: local}\n", ""
            ),
            "line 7: models: no model can be named: add one, or an account of type local.",
        ),
        (
            changed("http://127.0.0.1:9001/v1", "http://127.0.0.1:99999/v1"),
            "line 7: providers.lab.base_url: Port out of range 0-65535.",
        ),
    ],
)
def test_every_mistake_is_told_with_its_line(text, told):
    assert mistakes(text) == [told]


def test_all_mistakes_are_told_at_once_from_top_to_bottom(tmp_path):
    file = tmp_path / "torana.yaml"
    file.write_text(
        "auth:\n  issuers: []\nproviders:\n  studio: {type: lokal}\nmodels: {vary: {targets: [{target: lob/redux}]}}\n"
        "database: {enabled: false}"
    )
    with pytest.raises(ConfigError) as refused:
        load(file)
    assert [(mistake.line, mistake.path) for mistake in refused.value.mistakes] == [
        (2, "auth.issuers"), (4, "providers.studio.type"), (5, "models.vary.targets[0].target"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("limits: [{name: a, of: images, limit: 1}, {name: a, of: bytes, limit: 1}]", "limits[1].name"),
        ("budgets: [{name: a, limit: 1}, {name: a, limit: 2}]", "budgets[1].name"),
        ("access: {grants: [{name: a, to: [everyone]}, {name: a, to: [everyone]}]}", "access.grants[1].name"),
        ("budgets: [{name: a, limit: 1}]\ndatabase: {enabled: false}", "budgets"),
    ],
)
def test_rules_are_told_apart_and_budgets_can_be_kept(text, told):
    assert [mistake.split(": ")[1] for mistake in mistakes(f"{SAMPLE}\n{text}\n")] == [told]


def test_budgets_of_several_processes_are_counted_together():
    several = "providers: {studio: {type: local}}\nserver: {processes: 2}\nbudgets: [{name: a, limit: 1}]\n"
    (told,) = mistakes(several)
    assert told.startswith("line 3: budgets: of several `server.processes`")
    assert mistakes(f"{several}counters: {{valkey: {{env: STORE}}}}\n") == []


def test_keys_can_open_the_door_where_nobody_issues_tokens():
    assert mistakes("providers:\n  studio: {type: local}\n") == []


def test_a_type_that_is_not_there_is_one_mistake_whatever_leads_to_it():
    assert len(mistakes(changed("type: local", "type: lokal"))) == 1


def test_models_of_an_account_can_be_named_without_more():
    text = changed("  vary: {targets: [{target: lab/redux}, {target: studio/patchwork}]}\n", "")
    assert mistakes(text) == []
    assert mistakes(text.replace("  studio: {type: local}\n", "").replace("lab: {", "lab: {models: [redux], ")) == []


def test_settings_that_say_what_is_so_anyway_are_no_mistake():
    assert mistakes(changed("type: local", "type: local, max_connections: 100, models: []")) == []


@pytest.mark.parametrize(
    ("parts", "text", "told"),
    [
        ("_EXTRAS", SAMPLE, "line 6: providers.studio: the type local needs `torana[engine]`."),
        (
            "_OTLP_MODULES",
            SAMPLE + "telemetry: {otlp_endpoint: 'http://127.0.0.1:4318'}\n",
            "line 10: telemetry.otlp_endpoint: needs `torana[otlp]`.",
        ),
    ],
)
def test_what_needs_an_extra_says_so(monkeypatch, parts, text, told):
    assert mistakes(text) == []
    absent = ("no_such_module",)
    monkeypatch.setattr(module, parts, {"engine": absent} if parts == "_EXTRAS" else absent)
    assert mistakes(text) == [told]


def test_http2_needs_an_extra(monkeypatch):
    text = changed("lab: {", "lab: {http2: true, ")
    assert mistakes(text) == []
    monkeypatch.setattr(module, "_importable", lambda names: "h2" not in names)
    assert mistakes(text) == ["line 7: providers.lab.http2: needs `torana[http2]`."]


def test_a_mistake_of_the_file_itself_is_told_before(tmp_path):
    file = tmp_path / "torana.yaml"
    file.write_text(changed("port: 8787", "prt: 8787"))
    with pytest.raises(ConfigError, match=r"line 1: server\.prt: no such setting\. Did you mean `port`\?"):
        load(file)
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path / "other.yaml")


def test_without_a_file_there_is_all_for_a_first_step(home):
    settings = load(None).settings
    types = {"studio": "local", "echo": "echo", "local-text": "local-text"}
    assert settings.providers == {name: Account(type=kind) for name, kind in types.items()}
    assert list(settings.models.items()) == [
        ("patchwork", Model((TargetRef("studio/patchwork"),))),
        ("echo", Model((TargetRef("echo/echo"),))),
        ("all-minilm-l6-v2", Model((TargetRef("local-text/all-minilm-l6-v2"),))),
    ]
    assert list(cross_checks(Document(settings), declarations())) == []
    assert missing_secrets(settings, {}) == []
    assert settings == load(None).settings


def test_the_key_is_made_once_and_is_nobody_elses(home):
    load(None)
    key = home / "torana-data" / "token.key"
    made = key.read_bytes()
    assert len(made) >= 32
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    load(None)
    assert key.read_bytes() == made


def test_any_key_that_is_made_can_be_used(home, monkeypatch):
    """Of raw bytes, one key in twenty-two would begin or end with white space, which is cut from secrets."""
    monkeypatch.setattr("secrets.token_bytes", lambda count: b" " * count)
    settings = load(None).settings
    check_keys(settings, {})
    assert own_token(settings, {}, subject="ada", ttl=60, claims={}, clock=SystemClock())


def test_without_the_engine_there_is_still_something_to_serve(home, monkeypatch):
    monkeypatch.setattr(module, "_EXTRAS", dict.fromkeys(("engine", "local-text"), ("no_such_module",)))
    assert not installed(declarations()["local"])
    settings = default_settings(declarations())
    assert list(settings.providers) == ["echo"]
    assert list(cross_checks(Document(settings), declarations())) == []


def test_secrets_that_are_not_there_are_told(tmp_path):
    text = SAMPLE + f"pictures: {{signing_key: {{file: {tmp_path}/none}}}}\n"
    settings = load_text(text).settings
    assert missing_secrets(settings, {}) == [
        "environment variable TORANA_JWT_SECRET is not set",
        "environment variable LAB_KEY is not set",
        f"file {tmp_path}/none cannot be read: No such file or directory",
    ]
    (tmp_path / "none").write_text("a key")
    assert missing_secrets(settings, ENVIRON) == []


def test_what_opens_a_proxy_is_looked_for_too():
    text = changed("api_key: {env: LAB_KEY}", "proxy: {url: 'http://proxy.example:3128', credentials: {env: PROXY}}")
    assert mistakes(text) == []
    assert missing_secrets(load_text(text).settings, ENVIRON) == ["environment variable PROXY is not set"]


def test_what_responses_are_kept_with_is_looked_for_too():
    text = (
        "responses: {key: {env: SEAL}, store: {url: s3://x, key_id: {env: ID}, key: {env: KEY}}}\n"
        "pictures: {store: {url: s3://y, key_id: {env: ID2}, key: {env: KEY2}}}\n"
    )
    assert missing_secrets(load_text(text).settings, {}) == [
        f"environment variable {name} is not set" for name in ("SEAL", "ID2", "KEY2", "ID", "KEY")
    ]


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        ("", ["lab/redux", "lab/listed"]),
        (", unknown: admit", []),
        (", mode: soft", []),
    ],
)
def test_models_that_a_budget_refuses_because_nobody_knows_their_price(budget, told):
    text = changed(
        "api_key: {env: LAB_KEY}", f"models: [listed, mine], {priced('per_request: 1').replace('redux', 'mine')}"
    )
    assert unpriced(load_text(f"{text}budgets: [{{name: all, limit: 5{budget}}}]\n").settings) == told
    assert unpriced(load_text(text).settings) == []


def test_a_public_key_is_looked_for_too(tmp_path):
    key = "{issuer: i, audience: a, algorithms: [RS256], public_key: {file: /no/such/key.pem}}"
    settings = load_text(SAMPLE.replace("    - {issuer: torana", f"    - {key}\n    - {{issuer: torana")).settings
    assert missing_secrets(settings, ENVIRON) == ["file /no/such/key.pem cannot be read: No such file or directory"]


def test_every_setting_of_an_account_is_known_to_some_type():
    """Or it could be written nowhere."""
    known = {name for declared in declarations().values() for name in (*declared.needs, *declared.takes)}
    options = {name for declared in declarations().values() for name in declared.options}
    assert (known - options) | {"type"} == {field.name for field in msgspec.structs.fields(Account)}


def test_the_sample_that_newcomers_read_holds_together():
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    samples = re.findall(r"```yaml\n(server:.*?)```", readme, re.DOTALL)
    assert len(samples) == 1
    assert mistakes(samples[0]) == []
    # It begins as the one here does.
    assert samples[0].startswith(SAMPLE.partition("providers:")[0])


def test_mistakes_of_both_kinds_are_told_together(tmp_path):
    """What cannot be read does not hide what does not hold together, and is not told twice."""
    file = tmp_path / "torana.yaml"
    file.write_text(
        "server: {prt: 1}\n"
        "auth: {issuers: [{issuer: x}]}\n"
        "providers:\n"
        "  lab: {type: openai-compatible, base_url: 5}\n"
        "  odd: {type: lokal}\n"
        "models:\n"
        "  a: {targets: [{target: lab/x}]}\n"
        "  b: {targets: [{target: nowhere/x}]}\n"
    )
    with pytest.raises(ConfigError) as refused:
        load(file)
    assert sorted({(mistake.line, mistake.path) for mistake in refused.value.mistakes}) == [
        (1, "server.prt"),
        (2, "auth.issuers[0]"),
        (4, "providers.lab.base_url"),
        (5, "providers.odd.type"),
        (8, "models.b.targets[0].target"),
    ]
