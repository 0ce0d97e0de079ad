from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.assembly.importing.kit import CONFIGS, DECLARED, imported
from torana.assembly.importing.litellm.document import import_file, import_litellm
from torana.assembly.importing.reading import Found
from torana.assembly.importing.report import Outcome
from torana.assembly.settings import cross_checks
from torana.config.load import load_text
from torana.config.model import Settings

SECRET = "sk-never-to-be-seen"
NO_MODEL = "no model can be named"
OTHERS = (None, 0, "https://other.example/v1")
SOUND = ("quick_start", "load_balancing", "clouds", "company", "centralized")

NAMES = [
    "model_list",
    "model_name",
    "litellm_params",
    "model",
    "model_info",
    "mode",
    "api_base",
    "api_key",
    "api_version",
    "rpm",
    "tpm",
    "weight",
    "order",
    "timeout",
    "aws_region_name",
    "aws_access_key_id",
    "aws_secret_access_key",
    "vertex_project",
    "vertex_credentials",
    "extra_body",
    "quality",
    "max_budget",
    "budget_duration",
    "router_settings",
    "litellm_settings",
    "general_settings",
    "fallbacks",
    "default_fallbacks",
    "model_group_alias",
    "hidden",
    "max_fallbacks",
    "routing_strategy",
    "num_retries",
    "allowed_fails",
    "cooldown_time",
    "disable_cooldowns",
    "redis_host",
    "redis_url",
    "redis_password",
    "provider_budget_config",
    "budget_limit",
    "time_period",
    "cache_params",
    "type",
    "host",
    "request_timeout",
    "json_logs",
    "enable_jwt_auth",
    "litellm_jwtauth",
    "user_id_jwt_field",
    "public_key_ttl",
    "database_url",
    "database_connection_pool_limit",
    "max_parallel_requests",
    "max_request_size_mb",
    "maximum_spend_logs_retention_period",
    "environment_variables",
    "JWT_PUBLIC_KEY_URL",
    "JWT_AUDIENCE",
    "JWT_ISSUER",
    "credential_list",
    "credential_name",
    "credential_values",
    "litellm_credential_name",
    "custom_llm_provider",
    "a",
    "b",
    "*",
]
TEXTS = [
    "a",
    "b",
    "openai/gpt-image-2",
    "azure/x",
    "gpt-image-2",
    "bedrock/stability.stable-style-transfer-v1:0",
    "openai/*",
    "fal_ai/none",
    "*/b",
    "openai/",
    "/x",
    "os.environ/NAME",
    "os.environ/",
    "https://host.example/v1/",
    "http://[",
    "1d",
    "30d",
    "1mo",
    "9999999999d",
    "simple-shuffle",
    "least-busy",
    "redis",
    "true",
    "1e400",
    "nan",
    "-1",
    "0",
    "0.5",
    "7",
    "\x00",
    "ünïcode/näme",
    "vertex_ai/gemini-2.5-flash-image",
    "local/patchwork",
]
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(TEXTS), st.text(max_size=8), st.just("")
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=25,
)
PARAMS = st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=4)
ENTRIES = st.lists(
    st.fixed_dictionaries(
        {
            "model_name": st.sampled_from(["a", "b", "c/d"]) | SCALARS,
            "litellm_params": st.builds(
                lambda rest, model: {**rest, "model": model}, PARAMS, st.sampled_from(TEXTS) | ANYTHING
            )
            | ANYTHING,
        }
    )
    | ANYTHING,
    max_size=4,
)
SECTION = st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=8) | ANYTHING
DOCUMENTS = st.fixed_dictionaries(
    {"model_list": ENTRIES | ANYTHING},
    optional=dict.fromkeys(NAMES[-30:], SECTION)
    | dict.fromkeys(("router_settings", "litellm_settings", "general_settings"), SECTION),
)


def loaded(document: Mapping[str, Any]) -> Settings:
    """Our settings, of what an import made; nothing in it is wrong but that there may be no model."""
    read = load_text(yaml.safe_dump(document))
    assert [mistake for mistake in cross_checks(read, DECLARED) if NO_MODEL not in str(mistake)] == []
    return read.settings


@given(document=DOCUMENTS)
@settings(max_examples=150, deadline=None)
def test_whatever_comes_in_what_goes_out_is_sound(document: dict[str, Any]) -> None:
    made, report = import_litellm(Found((), document), DECLARED, {"NAME": "https://env.example"})
    settings_of = loaded(made)
    assert settings_of.auth.issuers
    assert all(line.sentence and line.place for line in report)


@given(document=DOCUMENTS, at=st.sampled_from(["api_key", "redis_password", "aws_secret_access_key", "extra_body"]))
@settings(max_examples=50, deadline=None)
def test_no_secret_is_copied_or_shown(document: dict[str, Any], at: str) -> None:
    hidden = {
        **document,
        "model_list": [{"model_name": "m", "litellm_params": {"model": "openai/gpt-image-2", at: SECRET}}],
        "general_settings": {"master_key": SECRET, "database_url": f"postgresql://u:{SECRET}@h/d", "unknown": SECRET},
        "router_settings": {"redis_host": "h", "redis_password": SECRET, "redis_url": f"redis://:{SECRET}@h"},
    }
    made, report = import_litellm(Found((), hidden), DECLARED, {"NAME": SECRET} if at == "api_key" else {})
    told = "\n".join(map(str, report))
    assert SECRET not in told
    assert at == "api_key" or SECRET not in yaml.safe_dump(made)


@pytest.mark.parametrize("name", SOUND)
def test_what_people_write_becomes_a_sound_configuration(name: str) -> None:
    made = import_file(CONFIGS / f"{name}.yaml", {})
    assert made.mistakes == ()
    assert loaded(yaml.safe_load(made.text)).models


@pytest.mark.parametrize("name", [*SOUND, "ugly"])
def test_every_leaf_is_in_the_output_or_in_the_report(name: str) -> None:
    """Changes one leaf at a time: the output or the report must change too, or nobody has looked at it."""
    written = (CONFIGS / f"{name}.yaml").read_text()
    whole = yaml.safe_load(written)
    before = import_litellm(Found((), whole), DECLARED, {})
    spoken_of = [line.place for line in before[1] if line.outcome is not Outcome.TAKEN]
    for at in leaves(whole):
        leaf = str(Found(at, None))
        told = any(place_covers(place, leaf) for place in spoken_of)
        assert told or any(changed(written, at, other) != before for other in OTHERS), f"nobody has looked at {leaf}"


def changed(written: str, at: tuple[str | int, ...], other: object) -> object:
    """What comes of a document that has something else in one place."""
    document = yaml.safe_load(written)
    inner = document
    for step in at[:-1]:
        inner = inner[step]
    inner[at[-1]] = other
    return import_litellm(Found((), document), DECLARED, {})


def leaves(value: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [leaf for step, inner in inside for leaf in leaves(inner, (*at, step))]
    return found or [at]


def place_covers(place: str, leaf: str) -> bool:
    return leaf == place or leaf.startswith((f"{place}.", f"{place}["))


def test_sizes_times_and_logs() -> None:
    made = imported("""
general_settings: {max_request_size_mb: 32, max_response_size_mb: 64, maximum_spend_logs_retention_period: 30d}
router_settings: {timeout: 0.5}
litellm_settings: {json_logs: true, set_verbose: "true", request_timeout: 600}
model_list: [{model_name: m, litellm_params: {model: openai/gpt-image-2, api_key: os.environ/K}}]
""")
    read = loaded(made.document)
    assert read.uploads.max_body == 32 * 1024**2
    assert (read.telemetry.log_format, read.telemetry.log_level) == ("json", "debug")
    assert read.ledger.keep == 30 * 86400.0
    account = read.providers["openai"]
    assert (account.timeouts.total, account.timeouts.first_byte, account.max_reply) == (0.5, 0.5, 64 * 1024**2)
    assert "router_settings.timeout" in made.told(Outcome.MOOT)["litellm_settings.request_timeout"]


def test_what_is_not_known_is_told_as_large_as_can_be() -> None:
    made = imported("{model_list: [], mcp: {a: {b: 1, c: [2]}}, general_settings: {odd: [1, 2], master_key: x}}")
    left = made.told(Outcome.LEFT)
    assert set(left) == {"mcp", "general_settings.odd", "general_settings.master_key"}
