import pytest

from tests.assembly.importing.kit import deployments, imported
from torana.assembly.importing.report import Outcome

ONE = deployments("a: {model: gpt-image-2}")


def test_rates_of_all_deployments_are_a_limit_of_the_model_and_its_aliases() -> None:
    made = imported(
        deployments("a: {model: gpt-image-2, rpm: 10, tpm: 5}", "a: {model: recraft/recraftv3, rpm: 30}")
        + "router_settings: {model_group_alias: {x: a}}"
    )
    assert made.document["limits"] == [
        {"name": "a-rpm", "of": "requests", "limit": 40, "every": "1m", "when": {"models": ["a", "x"]}}
    ]
    assert "not all deployments" in made.told(Outcome.LEFT)["model_list[0].litellm_params.tpm"]


def test_calls_at_once() -> None:
    made = imported(
        deployments("a: {model: gpt-image-2, max_parallel_requests: 4}")
        + "general_settings: {max_parallel_requests: 8, global_max_parallel_requests: 100}\n"
        + "router_settings: {default_max_parallel_requests: 0}"
    )
    assert [(each["name"], each["limit"], each.get("per")) for each in made.document["limits"]] == [
        ("a-max-parallel-requests", 4, None), ("all-at-once", 100, None), ("at-once-per-model", 8, ["model"]),
    ]  # fmt: skip
    assert {each["of"] for each in made.document["limits"]} == {"concurrent"}
    assert "router_settings.default_max_parallel_requests" in made.told(Outcome.LEFT)


@pytest.mark.parametrize(
    ("period", "every"),
    [
        ("", "ever"),
        ("1d", "day"),
        ("24h", "day"),
        ("7d", "week"),
        ("30d", "month"),
        ("1mo", "month"),
        ("90d", "quarter"),
    ],
)
def test_budgets(period: str, every: str) -> None:
    written = f", budget_duration: {period}" if period else ""
    made = imported(ONE + f"litellm_settings: {{max_budget: 100{written}}}")
    assert made.document["budgets"] == [{"name": "all-budget", "limit": "100", "every": every}]


@pytest.mark.parametrize("written", ["100, budget_duration: 12d", "-1", "lots", "1e12"])
def test_budgets_that_are_none_of_ours(written: str) -> None:
    made = imported(ONE + f"litellm_settings: {{max_budget: {written}}}")
    assert "budgets" not in made.document
    assert "litellm_settings.max_budget" in made.told(Outcome.LEFT)


def test_budgets_of_users_models_and_providers() -> None:
    made = imported(
        deployments(
            "a: {model: recraft/recraftv3, max_budget: 0.000001, budget_duration: 1d}",
            "b: {model: recraft/recraftv3}",
            "b: {model: gpt-image-2, max_budget: 5}",
        )
        + "litellm_settings: {max_internal_user_budget: 5.5, internal_user_budget_duration: 7d}\n"
        + "router_settings: {provider_budget_config: "
        + "{recraft: {budget_limit: 1, time_period: 1d}, azure: {budget_limit: 1}}}"
    )
    assert [(each["name"], each["limit"], each.get("when") or each["per"]) for each in made.document["budgets"]] == [
        ("each-user-budget", "5.5", ["user"]),
        ("recraft-budget", "1", {"models": ["a"]}),
        ("a-budget", "0.000001", {"models": ["a"]}),
    ]
    told = made.told(Outcome.LEFT)
    assert "calls of b do not count" in told["router_settings.provider_budget_config.recraft"]
    assert {"router_settings.provider_budget_config.azure", "model_list[2].litellm_params.max_budget"} <= set(told)


@pytest.mark.parametrize(("written", "attempts"), [("0", 1), ("2", 3), ("50", 10)])
def test_retries(written: str, attempts: int) -> None:
    made = imported(ONE + f"litellm_settings: {{num_retries: {written}}}")
    assert made.document["retries"] == {"attempts": attempts}


@pytest.mark.parametrize(
    ("settings", "variable"),
    [
        ("router_settings: {redis_url: os.environ/REDIS_URL}", "REDIS_URL"),
        ("router_settings: {redis_host: h, redis_port: 1, redis_password: plain}", "TORANA_VALKEY_URL"),
        ("litellm_settings: {cache: true, cache_params: {type: redis, host: h, password: plain}}", "TORANA_VALKEY_URL"),
    ],
)
def test_replicas_count_together_where_they_did(settings: str, variable: str) -> None:
    made = imported(ONE + settings)
    assert made.document["counters"] == {"valkey": {"env": variable}}
    assert "plain" not in str(made)


def test_a_cache_elsewhere_counts_nothing() -> None:
    made = imported(ONE + "litellm_settings: {cache_params: {type: s3, host: h}}")
    assert "counters" not in made.document
    assert "litellm_settings.cache_params" in made.told(Outcome.LEFT)


@pytest.mark.parametrize(
    ("url", "variable"),
    [
        ("os.environ/DATABASE_URL", "DATABASE_URL"),
        ("postgresql://u:plain@h/d", "TORANA_DATABASE_URL"),
        ("mysql://h", None),
    ],
)
def test_the_database(url: str, variable: str | None) -> None:
    made = imported(ONE + f"general_settings: {{database_url: '{url}', database_connection_pool_limit: 20}}")
    expected = {"url": {"env": variable}, "connections": 20} if variable else None
    assert made.document.get("database") == expected
    assert "plain" not in str(made)
    if variable:
        assert "empty database" in made.told(Outcome.TO_DO)["general_settings.database_url"]
