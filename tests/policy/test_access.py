"""Who may use which models."""

import gc
import weakref
from typing import Any

import pytest

from torana.config.access import Grant, Patterns
from torana.core.errors import Forbidden
from torana.core.exchange import Permit, Plan, Principal, Target
from torana.policy.access import Access

SOME_TARGET = (Target("studio", "patchwork"),)
OPERATION = "images.variations"
ALICE = Principal("alice", "torana", teams=("design",))
NIGHTLY = Principal("nightly", "torana", teams=("design",), kind="service_account")

OPEN = Access("all", ())


def principal(*patterns: str) -> Principal:
    return Principal("alice", "torana", models=patterns)


def granted(*grants: dict[str, Any]) -> Access:
    return Access("granted", [Grant(name=f"grant-{number}", **grant) for number, grant in enumerate(grants)])


def may(access: Access, asking: Principal = ALICE, model: str = "vary", operation: str | None = OPERATION) -> bool:
    """Whether he may; asserts that ``admit`` says the same."""
    plan = Plan(model, SOME_TARGET)
    allowed = access.may_use(asking, plan, operation)
    try:
        assert access.admit(asking, plan, operation) == Permit(asking, model)
    except Forbidden:
        assert not allowed
    else:
        assert allowed
    return allowed


def refusal(access: Access, asking: Principal, operation: str | None = OPERATION) -> Forbidden:
    with pytest.raises(Forbidden) as caught:
        access.admit(asking, Plan("vary", SOME_TARGET), operation)
    assert (caught.value.status, caught.value.param, caught.value.code) == (403, "model", "model_not_allowed")
    assert caught.value.rule is None
    return caught.value


@pytest.mark.parametrize(
    ("patterns", "model"),
    [
        (["vary"], "vary"),
        (["other", "vary"], "vary"),
        (["*"], "vary"),
        (["*"], "studio/patchwork"),
        (["studio/*"], "studio/patchwork"),
        (["studio/*"], "studio/a/b"),
        (["*/patchwork"], "studio/patchwork"),
        (["var*"], "vary"),
        (["v*r*y"], "vary"),
        (["lab/redux[dev]?*"], "lab/redux[dev]?-2"),
    ],
)
def test_patterns_that_allow(patterns, model):
    assert may(OPEN, principal(*patterns), model)
    assert may(granted({"to": ("everyone",), "models": tuple(patterns)}), ALICE, model)


@pytest.mark.parametrize(
    ("patterns", "model"),
    [
        ([""], "vary"),
        (["var"], "vary"),
        (["ary"], "vary"),
        (["VARY"], "vary"),
        (["vary"], "vary2"),
        (["vary "], "vary"),
        (["studio/*"], "studio"),
        (["studio/*"], "my-studio/patchwork"),
        (["*/patchwork"], "studio/patchwork-2"),
        (["v.ry"], "vary"),
        (["v?ry"], "vary"),
        (["[uvw]ary"], "vary"),
        (["vary"], "vary\n"),
    ],
)
def test_patterns_that_do_not(patterns, model):
    assert not may(OPEN, principal(*patterns), model)
    assert not may(granted({"to": ("everyone",), "models": tuple(patterns)}), ALICE, model)


def test_who_is_not_restricted_may_use_all():
    assert may(OPEN)
    assert may(Access("all", [Grant(name="g", to=("user:bob",))])), "by default, nobody needs a grant"
    assert not may(OPEN, principal()), "a list of none is a list"


def test_the_model_that_is_named_counts_not_what_is_behind_it():
    assert not may(OPEN, principal("studio/patchwork"))
    assert not may(granted({"to": ("everyone",), "models": ("studio/patchwork",)}))


def test_without_a_grant_nothing_may_be_used():
    assert not may(granted())
    assert not may(granted(), Principal("root", "torana", roles=("admin",))), "roles give no models"


@pytest.mark.parametrize(
    ("to", "asking", "has"),
    [
        ("user:alice", ALICE, True),
        ("user:al*", ALICE, True),
        ("user:bob", ALICE, False),
        ("service_account:alice", ALICE, False),
        ("team:design", ALICE, True),
        ("team:design", NIGHTLY, True),
        ("team:des*", ALICE, True),
        ("team:print", ALICE, False),
        ("team:alice", ALICE, False),
        ("user:design", ALICE, False),
        ("everyone", ALICE, True),
        ("everyone", NIGHTLY, False),
        ("service_account:*", NIGHTLY, True),
        ("user:*", NIGHTLY, False),
    ],
)
def test_who_has_a_grant(to, asking, has):
    assert may(granted({"to": (to,)}), asking) is has
    assert may(granted({"to": ("user:nobody", to)}), asking) is has


def test_a_token_or_key_narrows_what_is_granted_and_never_widens_it():
    access = granted({"to": ("everyone",), "models": ("vary", "edit")})
    assert may(access, principal("vary"))
    assert not may(access, principal("vary"), "edit")
    assert not may(access, principal("*"), "other")


def test_a_grant_for_some_operations():
    access = granted({"to": ("everyone",), "operations": ("images.*", "chat")})
    assert may(access)
    assert may(access, operation="chat")
    assert not may(access, operation="chat.stream")
    assert may(access, operation=None), "a model is listed when it may be used for anything"


def test_a_grant_fits_in_all_that_is_given_or_not_at_all():
    access = granted(
        {"to": ("user:bob",), "models": ("vary",)},
        {"to": ("user:alice",), "models": ("edit",)},
        {"to": ("user:alice",), "models": ("vary",), "operations": ("images.edits",)},
    )
    assert not may(access)
    assert may(access, operation="images.edits")


@pytest.mark.parametrize(
    ("accounts", "fits"),
    [(("studio", "lab"), True), (("*",), True), (("studio",), False), (("lab*", "stud*"), True), (("other",), False)],
)
def test_all_targets_are_at_granted_accounts(accounts, fits):
    plan = Plan("vary", (Target("studio", "patchwork"), Target("lab", "redux"), Target("lab", "deep")))
    assert granted({"to": ("everyone",), "accounts": accounts}).may_use(ALICE, plan, OPERATION) is fits


def test_two_grants_do_not_add_their_accounts():
    plan = Plan("vary", (Target("studio", "patchwork"), Target("lab", "redux")))
    access = granted({"to": ("everyone",), "accounts": ("studio",)}, {"to": ("everyone",), "accounts": ("lab",)})
    assert not access.may_use(ALICE, plan, OPERATION)


def test_a_refusal_says_what_is_not_allowed_and_who_can_help():
    ask = "Ask the operator of this gateway for leave."
    key = Principal("alice", "torana", models=(), key="tor_a")
    assert refusal(OPEN, principal("edit")).message == f"Your token does not allow the model 'vary'. {ask}"
    assert refusal(OPEN, key).message == f"Your key does not allow the model 'vary'. {ask}"
    assert refusal(granted(), ALICE).message == f"You may not use the model 'vary' for images.variations. {ask}"
    assert refusal(granted(), ALICE, None).message == f"You may not use the model 'vary'. {ask}"


def test_the_same_caller_with_other_teams_is_looked_at_anew():
    access = granted({"to": ("team:design",)})
    assert may(access)
    assert not may(access, Principal("alice", "torana", teams=("print",)))


def test_old_rules_go_as_soon_as_they_are_replaced():
    access = granted({"to": ("everyone",)})
    may(access)
    gone = weakref.ref(access)
    gc.disable()
    try:
        del access
        assert gone() is None, "what callers were seen is forgotten without waiting for the garbage collector"
    finally:
        gc.enable()


def test_of_many_grants_only_those_that_name_the_caller_are_looked_at_and_those_once(monkeypatch):
    looked = []
    real = Patterns.fit

    def fit(self: Patterns, name: str) -> bool:
        looked.append(name)
        return real(self, name)

    access = granted(
        *({"to": (f"user:u{number}", f"team:t{number}"), "models": ("vary",)} for number in range(10_000)),
        {"to": ("team:design",), "models": ("vary",)},
    )
    plan = Plan("vary", SOME_TARGET)
    monkeypatch.setattr(Patterns, "fit", fit)
    assert access.admit(ALICE, plan, OPERATION) == Permit(ALICE, "vary")
    assert looked == ["vary"]
    access.admit(Principal("alice", "torana", teams=("design",)), Plan("vary", SOME_TARGET), OPERATION)
    assert looked == ["vary"]


def test_a_refusal_is_found_out_each_time():
    access = granted({"to": ("user:bob",)})
    assert refusal(access, ALICE) is not refusal(access, ALICE)
