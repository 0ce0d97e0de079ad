"""What can be said beforehand of LiteLLM's settings that have no like of theirs here."""

from collections.abc import Mapping

from torana.assembly.importing.reading import Location
from torana.assembly.importing.report import ANY, Outcome, Remark, Remarks

OTHERWISE = "Torana has no such setting, or this import does not know it."

_PARAMS = ("model_list", ANY, "litellm_params")
_CALLBACKS = "Torana has no callbacks: it serves metrics at `/metrics`, writes logs, and sends spans by `telemetry`."
_BY_HAND = "write it by hand as `prices` of the account: a price has a date and a source."
_RESPONSES = "replies are not kept for other callers; a call with an `Idempotency-Key` is done once."
_OWN_CODE = "code of one's own does not run inside the gateway."
_IN_DATABASE = "it is about keys, users and teams in LiteLLM's database, which is not read."

_LEFT: Mapping[Location, str] = {
    ("include",): "import these files too, each by itself.",
    ("credential_list", ANY): "no deployment that was taken over uses it.",
    ("guardrails",): "Torana has no guardrails yet.",
    ("mcp_servers",): "Torana does not speak MCP.",
    ("finetune_settings",): "Torana does not train models.",
    ("files_settings",): "Torana keeps no files for callers.",
    (*_PARAMS, "litellm_credential_name"): "there is no such entry in `credential_list`.",
    (*_PARAMS, "extra_headers"): "headers may hold secrets and are not copied: write them as the target's `headers`.",
    (*_PARAMS, "headers"): "headers may hold secrets and are not copied: write them as the target's `headers`.",
    (*_PARAMS, "organization"): "write it as the target's `headers`: OpenAI-Organization.",
    (*_PARAMS, "num_retries"): "retries are set once for all accounts, at `retries`.",
    (*_PARAMS, "max_retries"): "retries are set once for all accounts, at `retries`.",
    (*_PARAMS, "stream_timeout"): "an account's `timeouts` are the same whether a call is streamed or not.",
    (*_PARAMS, "tags"): "targets can be for some calls alone by `when`, and the metadata that callers send.",
    (*_PARAMS, "vertex_location"): "the global location is called; another needs `options.location` and `base_url`.",
    (*_PARAMS, "vertex_ai_location"): "the global location is called; another needs `options.location` and `base_url`.",
    (*_PARAMS, "aws_role_name"): "roles are not assumed: `api_key` is an access key or a key of the service.",
    (*_PARAMS, "aws_profile_name"): "profiles are not read: `api_key` is an access key or a key of the service.",
    (*_PARAMS, "mock_response"): "for trials there is an account of the type that returns what it is sent.",
    **{
        (*around, f"{side}_cost_per_{unit}"): _BY_HAND
        for around in (_PARAMS, ("model_list", ANY, "model_info"))
        for side in ("input", "output")
        for unit in ("token", "image", "pixel", "second")
    },
    ("model_list", ANY, "model_info", "access_groups"): "who may use which models stands at `access.grants`.",
    ("router_settings", "context_window_fallbacks"): "a target's `fallback_on` goes by status alone.",
    ("litellm_settings", "context_window_fallbacks"): "a target's `fallback_on` goes by status alone.",
    ("router_settings", "content_policy_fallbacks"): "what a provider refuses for its content is not tried elsewhere.",
    ("litellm_settings", "content_policy_fallbacks"): "what a provider refuses for its content is not tried elsewhere.",
    ("router_settings", "retry_policy"): "which failures are tried again follows from whether they may have cost.",
    ("router_settings", "allowed_fails_policy"): "a model's `circuit` counts all failures of a target alike.",
    ("router_settings", "enable_tag_filtering"): "targets can be for some calls alone by `when`.",
    ("litellm_settings", "cache"): _RESPONSES,
    ("litellm_settings", "cache_params"): _RESPONSES,
    ("litellm_settings", "success_callback"): _CALLBACKS,
    ("litellm_settings", "failure_callback"): _CALLBACKS,
    ("litellm_settings", "service_callbacks"): _CALLBACKS,
    ("litellm_settings", "callbacks"): _CALLBACKS,
    ("callback_settings",): _CALLBACKS,
    ("litellm_settings", "default_team_settings"): _IN_DATABASE,
    ("litellm_settings", "default_team_params"): _IN_DATABASE,
    ("litellm_settings", "default_internal_user_params"): _IN_DATABASE,
    ("litellm_settings", "default_key_generate_params"): _IN_DATABASE,
    ("litellm_settings", "upperbound_key_generate_params"): _IN_DATABASE,
    ("litellm_settings", "key_generation_settings"): _IN_DATABASE,
    ("general_settings", "custom_auth"): _OWN_CODE,
    ("general_settings", "custom_sso"): _OWN_CODE,
    ("general_settings", "custom_key_generate"): _OWN_CODE,
    ("general_settings", "alerting"): "alerts go to a webhook, at `alerts.webhook`.",
    ("general_settings", "alert_to_webhook_url"): "alerts go to one webhook, at `alerts.webhook`.",
    ("general_settings", "pass_through_endpoints"): "Torana passes nothing through that it does not understand.",
    ("general_settings", "forward_client_headers_to_llm_api"): "callers' headers never leave the gateway.",
    ("general_settings", "allowed_ips"): "who may connect is for the network to say.",
    ("general_settings", "litellm_jwtauth"): "an issuer's `claims` know users, teams, roles and models alone.",
    ("general_settings", "role_permissions"): "who may use which models stands at `access.grants`.",
    ("general_settings", "key_management_system"): "secrets come from the environment or from files.",
    ("general_settings", "key_management_settings"): "secrets come from the environment or from files.",
    ("general_settings", "database_connection_timeout"): "`database.timeout` is for one statement, not for connecting.",
}
_MOOT: Mapping[Location, str] = {
    (
        "litellm_settings",
        "drop_params",
    ): "what a model does not understand is left out and named in the reply's headers.",
    (*_PARAMS, "drop_params"): "what a model does not understand is left out and named in the reply's headers.",
    ("litellm_settings", "telemetry"): "Torana tells nobody of itself.",
    ("general_settings", "enable_jwt_auth"): "tokens are always accepted, from the issuers that are named.",
    ("general_settings", "store_model_in_db"): "models stand in the configuration, which is taken up as it changes.",
    ("general_settings", "allow_requests_on_db_unavailable"): "no call waits for the database.",
    ("general_settings", "litellm_license"): "there is one edition.",
    ("general_settings", "proxy_batch_write_at"): "`ledger.every` says how often rows go to the database.",
    ("general_settings", "proxy_budget_rescheduler_min_time"): "budgets begin anew by the calendar.",
    ("general_settings", "proxy_budget_rescheduler_max_time"): "budgets begin anew by the calendar.",
    ("general_settings", "disable_reset_budget"): "budgets begin anew by the calendar.",
    ("general_settings", "maximum_spend_logs_retention_interval"): "old rows go by themselves.",
    ("general_settings", "background_health_checks"): "targets are judged by the calls that they answer.",
    ("general_settings", "health_check_interval"): "targets are judged by the calls that they answer.",
    ("router_settings", "enable_pre_call_checks"): "every call is checked before it is sent.",
    ("router_settings", "debug_level"): "`telemetry.log_level` is for all of the gateway.",
    ("model_list", ANY, "model_info", "id"): "a target is named by its account and its model.",
    ("model_list", ANY, "model_info", "base_model"): "a model's prices can be written at the account's `prices`.",
}
_TO_DO: Mapping[Location, str] = {
    ("environment_variables",): "set it in the environment that the gateway runs in.",
}
REMARKS: Remarks = {
    place: Remark(outcome, sentence)
    for outcome, told in ((Outcome.LEFT, _LEFT), (Outcome.MOOT, _MOOT), (Outcome.TO_DO, _TO_DO))
    for place, sentence in told.items()
}
