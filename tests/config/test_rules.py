import pytest

from torana.config.load import ConfigError, load_text


def limit(rest: str) -> str:
    return f"limits: [{{name: a, of: images, limit: 1, {rest}}}]"


@pytest.mark.parametrize("share", ["user", "team", "key", "model", "metadata.project"])
def test_what_can_be_counted_apart(share):
    assert load_text(limit(f"per: [{share}]")).settings.limits[0].per == (share,)


@pytest.mark.parametrize("share", ["users", "metadata.", "metadata", "user ", ""])
def test_what_cannot(share):
    with pytest.raises(ConfigError, match=r"limits\[0\]\.per\[0\]"):
        load_text(limit(f'per: ["{share}"]'))


def test_whom_a_rule_is_for():
    when = load_text(limit("when: {service_accounts: [nightly], keys: [tor_*], metadata: {env: prod}}")).settings
    assert when.limits[0].when.service_accounts == ("nightly",)
    assert when.limits[0].when.keys == ("tor_*",)
    assert when.limits[0].when.metadata == {"env": "prod"}


@pytest.mark.parametrize("name", ["", "a b", "a/b", "x" * 65, "ä"])
def test_a_rule_has_a_name_that_fits_a_header_and_a_path(name):
    with pytest.raises(ConfigError, match=r"budgets\[0\]\.name"):
        load_text(f'budgets: [{{name: "{name}", limit: 1}}]')
