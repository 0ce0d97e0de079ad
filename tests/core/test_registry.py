import msgspec

from torana.core.registry import ADMIN, MEMBER, ROLES, Key, Registry, Subject, Team


def test_it_comes_back_as_it_was_written():
    registry = Registry(
        revision=7,
        keys=(Key("tk_1", "00ff", "user", "anna", expires=2.5, models=("gpt-*",)),),
        subjects=(Subject("user", "anna", teams=("design",), roles=("auditor",)),),
        teams=(Team("design"),),
        grants=({"name": "all", "to": ["everyone"]},),
    )
    assert msgspec.json.decode(msgspec.json.encode(registry), type=Registry) == registry


def test_a_key_that_names_no_models_is_not_one_for_none():
    assert Key("tk_1", "00ff", "user", "anna").models is None


def test_roles_stand_in_the_order_of_what_they_may():
    assert ROLES[0] == ADMIN
    assert ROLES[-1] == MEMBER
