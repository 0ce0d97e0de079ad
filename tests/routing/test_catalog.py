import pytest

from torana.core.errors import InvalidRequest, ModelNotFound
from torana.core.exchange import Plan, Target
from torana.routing.catalog import Catalog, Offer

VARY, CHAT = "images.variations", "chat.completions"
PATCHWORK, REDUX, GHOST = Target("studio", "patchwork"), Target("lab", "redux"), Target("lab", "ghost")
TALKER = Target("talk", "talker")


@pytest.fixture
def catalog() -> Catalog:
    return Catalog(
        {
            "studio": Offer(frozenset({VARY}), ("patchwork",)),
            "lab": Offer(frozenset({VARY, CHAT}), ("redux",)),
            "talk": Offer(frozenset({CHAT}), ()),
        },
        {"vary": (PATCHWORK, REDUX), "mixed": (TALKER, REDUX, TALKER), "ghost": (GHOST,), "talk": (TALKER,)},
    )


def test_names_in_the_order_of_the_configuration(catalog):
    assert catalog.plans == (
        Plan("studio/patchwork", (PATCHWORK,)),
        Plan("lab/redux", (REDUX,)),
        Plan("talk/talker", (TALKER,)),
        Plan("lab/ghost", (GHOST,)),
        Plan("vary", (PATCHWORK, REDUX)),
        Plan("mixed", (TALKER, REDUX, TALKER)),
        Plan("ghost", (GHOST,)),
        Plan("talk", (TALKER,)),
    )


@pytest.mark.parametrize(
    ("model", "operation", "targets"),
    [
        ("studio/patchwork", VARY, [PATCHWORK]),
        ("lab/redux", CHAT, [REDUX]),
        ("lab/ghost", VARY, [GHOST]),
        ("vary", VARY, [PATCHWORK, REDUX]),
        ("vary", CHAT, [REDUX]),
        ("mixed", VARY, [REDUX]),
        ("mixed", CHAT, [TALKER, REDUX, TALKER]),
    ],
)
def test_the_targets_that_can_in_their_order(catalog, model, operation, targets):
    assert catalog.plan(model, operation) == Plan(model, tuple(targets))


@pytest.mark.parametrize(
    "model", ["", "nowhere", "studio", "studio/", "studio/other", "talk/redux", "VARY", " vary", "studio/patchwork/"]
)
def test_a_name_that_nobody_configured(catalog, model):
    with pytest.raises(ModelNotFound) as caught:
        catalog.plan(model, VARY)
    assert (caught.value.status, caught.value.param, caught.value.code) == (404, "model", "model_not_found")
    assert caught.value.message == f"The model '{model}' does not exist here."


def test_a_name_is_shown_without_what_a_terminal_would_obey(catalog):
    with pytest.raises(ModelNotFound, match=r"^The model '\?\[31mm\u00fc\?\?\?' does not exist here\.$"):
        catalog.plan("\x1b[31mm\u00fc\r\n\u202e", VARY)


@pytest.mark.parametrize("model", ["talk", "talk/talker"])
def test_a_model_that_cannot(catalog, model):
    with pytest.raises(InvalidRequest) as caught:
        catalog.plan(model, VARY)
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, "model", "unsupported_model")
    assert caught.value.message == f"The model '{model}' cannot do images.variations."


def test_a_target_that_is_both_offered_and_named_is_there_once():
    catalog = Catalog({"studio": Offer(frozenset({VARY}), ("patchwork",))}, {"vary": (PATCHWORK, PATCHWORK)})
    assert [plan.model for plan in catalog.plans] == ["studio/patchwork", "vary"]


def test_nothing_configured_is_nothing_known():
    catalog = Catalog({}, {})
    assert catalog.plans == ()
    with pytest.raises(ModelNotFound):
        catalog.plan("vary", VARY)
