import pytest

from tests.cli.admin.kit import done, failed, told


@pytest.mark.parametrize(
    ("group", "kind", "what"), [("users", "user", "user"), ("service-accounts", "service_account", "service account")]
)
def test_made_changed_and_taken_away(group: str, kind: str, what: str) -> None:
    done("teams", "set", "design")
    made = told(group, "set", "anna@example.com", "--team", "design", "--role", "auditor")
    assert (made["kind"], made["teams"], made["role"], made["disabled"]) == (kind, ["design"], "auditor", False)
    assert told(group, "set", "anna@example.com", "--disable") == {**made, "disabled": True}
    assert told(group, "set", "anna@example.com", "--enable") == made
    assert told(group, "show", "anna@example.com") == made
    assert "anna@example.com" in done(group, "list")
    done("keys", "create", "--owner", f"{kind}:anna@example.com")
    assert done(group, "delete", "anna@example.com") == f"{kind}:anna@example.com is gone; 1 keys were revoked.\n"
    assert failed(group, "show", "anna@example.com") == (2, f"There is no {what} 'anna@example.com'.")


def test_a_role_that_there_is_not() -> None:
    code, says = failed("users", "set", "anna", "--role", "wizard")
    assert (code, "'wizard' is not one of 'admin', 'operator', 'auditor', 'member'" in says) == (2, True)
    code, says = failed("users", "set", "anna", "--team", "nobody")
    assert (code, says) == (2, "There is no team 'nobody'. Make it first: `torana teams set nobody`.")
