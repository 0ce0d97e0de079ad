from torana.assembly.importing.litellm.remarks import OTHERWISE, REMARKS

SECTIONS = {
    "include", "environment_variables", "credential_list", "guardrails", "mcp_servers", "finetune_settings",
    "files_settings", "callback_settings", "model_list", "router_settings", "litellm_settings", "general_settings",
}  # fmt: skip


def test_remarks_are_sentences_about_sections_that_there_are() -> None:
    assert {place[0] for place in REMARKS} == SECTIONS
    assert all(remark.sentence.endswith(".") for remark in REMARKS.values())
    assert OTHERWISE.endswith(".")
