import pytest
from msgspec.structs import replace

from torana.admin.rights import Asker, admit, check_change, check_reach, highest, may, role_of
from torana.config.access import Roles
from torana.core.errors import Forbidden
from torana.core.exchange import Principal
from torana.core.registry import ROLES, Subject
from torana.storage.sql.change import Actor

CONFIGURED = Roles(admin=("team:platform", "user:root"), operator=("service_account:ops-*",), auditor=("everyone",))


def asker(*roles: str, name: str = "mia") -> Asker:
    return Asker(Principal(name, "torana", roles=roles), Actor(f"user:{name}", "192.0.2.1"))


def test_an_order_of_roles() -> None:
    assert [role for role in ROLES if may("operator", role)] == ["operator", "auditor", "member"]
    assert highest(("auditor", "operator", "wizard")) == "operator"
    assert highest(("wizard",)) == "member"
    assert highest(()) == "member"


@pytest.mark.parametrize(
    ("subject", "role"),
    [
        (Subject("user", "anna"), "auditor"),
        (Subject("user", "anna", roles=("operator",)), "operator"),
        (Subject("user", "root"), "admin"),
        (Subject("user", "anna", teams=("design", "platform")), "admin"),
        (Subject("user", "root", disabled=True), "admin"),
        (Subject("service_account", "nightly"), "member"),
        (Subject("service_account", "ops-7"), "operator"),
        (Subject("service_account", "root"), "member"),
    ],
)
def test_where_a_role_comes_from(subject: Subject, role: str) -> None:
    assert role_of(subject, CONFIGURED) == role


def test_members_are_told_nothing_and_others_what_they_lack() -> None:
    with pytest.raises(Forbidden, match="does not open this API"):
        admit(asker("member"), "auditor")
    with pytest.raises(Forbidden, match="Your role, auditor, may look and not change"):
        admit(asker("auditor"), "operator")
    admit(asker("auditor"), "auditor")
    admit(asker("member", "admin"), "operator")


def test_a_key_that_was_narrowed_to_models_is_for_calls_alone() -> None:
    owner = Principal("mia", "torana", roles=("admin",), key="tor_1")
    admit(Asker(owner, Actor("user:mia", "192.0.2.1")), "admin")
    with pytest.raises(Forbidden, match="does not open this API"):
        admit(Asker(replace(owner, models=("*",)), Actor("user:mia", "192.0.2.1")), "auditor")


def test_nobody_reaches_above_himself() -> None:
    with pytest.raises(Forbidden, match="user:root has the role admin, which is above yours"):
        check_reach(asker("operator"), Subject("user", "root"), CONFIGURED)
    check_reach(asker("operator"), Subject("service_account", "ops-1"), CONFIGURED)
    check_reach(asker("admin"), Subject("user", "root"), CONFIGURED)


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        (Subject("user", "mia"), Subject("user", "mia", roles=("admin",)), "roles"),
        (Subject("user", "mia"), Subject("user", "mia", roles=("auditor",)), "roles"),
        (Subject("user", "mia", roles=("auditor",)), Subject("user", "mia"), "roles"),
        (Subject("user", "mia"), Subject("user", "mia", teams=("platform",)), "teams"),
        (Subject("user", "root"), Subject("user", "root", disabled=True), None),
        (Subject("user", "eve", teams=("platform",)), Subject("user", "eve"), None),
    ],
)
def test_an_operator_gives_no_rights_and_takes_none(before: Subject, after: Subject, field: str | None) -> None:
    with pytest.raises(Forbidden) as refused:
        check_change(asker("operator"), before, after, CONFIGURED)
    assert refused.value.param == field
    check_change(asker("admin"), before, after, CONFIGURED)


def test_what_gives_no_rights_an_operator_changes() -> None:
    before = Subject("user", "anna", teams=("design",))
    check_change(asker("operator"), before, Subject("user", "anna", teams=("ads",), disabled=True), CONFIGURED)
