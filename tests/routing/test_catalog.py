import pytest
from msgspec.structs import replace

from torana.config.units import Seconds
from torana.config.upstreams import Circuit, Model, TargetRef
from torana.core.errors import InvalidRequest, ModelNotFound
from torana.core.exchange import CircuitRule, Plan, Routing, Target
from torana.routing.catalog import Catalog, Offer, routing_of, targets_of

VARY, CHAT = "images.variations", "chat.completions"
PATCHWORK, REDUX, GHOST = Target("studio", "patchwork"), Target("lab", "redux"), Target("lab", "ghost")
TALKER = Target("talk", "talker")


@pytest.fixture
def catalog() -> Catalog:
    return Catalog(
        {
            "studio": Offer(lambda _model: frozenset({VARY}), ("patchwork",)),
            "lab": Offer(lambda _model: frozenset({VARY, CHAT}), ("redux",)),
            "talk": Offer(lambda _model: frozenset({CHAT}), ()),
        },
        {"vary": (PATCHWORK, REDUX), "mixed": (TALKER, REDUX, TALKER), "ghost": (GHOST,), "talk": (TALKER,)},
    )


def test_names_in_the_order_of_the_configuration_the_operators_own_first(catalog):
    assert catalog.plans == (
        Plan("vary", (PATCHWORK, REDUX)),
        Plan("mixed", (TALKER, REDUX, TALKER)),
        Plan("ghost", (GHOST,)),
        Plan("talk", (TALKER,)),
        Plan("studio/patchwork", (PATCHWORK,)),
        Plan("lab/redux", (REDUX,)),
        Plan("talk/talker", (TALKER,)),
        Plan("lab/ghost", (GHOST,)),
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
    ("model", "provider", "plan"),
    [
        ("vary", "lab", Plan("vary", (REDUX,))),
        ("vary", "studio", Plan("vary", (PATCHWORK,))),
        ("lab/redux", "lab", Plan("lab/redux", (REDUX,))),
        ("redux", "lab", Plan("lab/redux", (REDUX,))),
        ("patchwork", "studio", Plan("studio/patchwork", (PATCHWORK,))),
    ],
)
def test_an_account_may_be_asked_for(catalog, model, provider, plan):
    assert catalog.plan(model, VARY, provider) == plan


@pytest.mark.parametrize(
    ("model", "provider", "kind", "param"),
    [
        ("vary", "talk", InvalidRequest, "x-torana-provider-name"),
        ("lab/redux", "studio", InvalidRequest, "x-torana-provider-name"),
        ("vary", "nowhere", InvalidRequest, "x-torana-provider-name"),
        ("redux", "studio", ModelNotFound, "model"),
        ("mixed", "talk", InvalidRequest, "model"),
    ],
)
def test_an_account_that_has_it_not_or_cannot_do_it(catalog, model, provider, kind, param):
    with pytest.raises(kind) as caught:
        catalog.plan(model, VARY, provider)
    assert caught.value.param == param


def test_a_name_is_found_whatever_can_be_done_there(catalog):
    assert catalog.find("mixed") == Plan("mixed", (TALKER, REDUX, TALKER))
    with pytest.raises(ModelNotFound) as caught:
        catalog.find("nowhere")
    assert (caught.value.param, caught.value.message) == ("model", "The model 'nowhere' does not exist here.")


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
    catalog = Catalog(
        {"studio": Offer(lambda _model: frozenset({VARY}), ("patchwork",))}, {"vary": (PATCHWORK, PATCHWORK)}
    )
    assert [plan.model for plan in catalog.plans] == ["vary", "studio/patchwork"]


def test_nothing_configured_is_nothing_known():
    catalog = Catalog({}, {})
    assert catalog.plans == ()
    with pytest.raises(ModelNotFound):
        catalog.plan("vary", VARY)


MODEL = Model(
    targets=(
        TargetRef("lab/org/redux"),
        TargetRef(
            "studio/patchwork",
            priority=1,
            weight=3,
            when={"tier": "gold"},
            parameters={"steps": 28},
            headers={"x-lane": "slow"},
            prompt="Again.",
        ),
    ),
    order="weight",
    sticky="subject",
    fallback_on=(429, 503),
    hedge_after=Seconds(20),
    circuit=Circuit(window=Seconds(10), min_calls=2, failures=0.9, open_for=Seconds(5)),
)


def test_what_the_operator_wrote_of_targets():
    assert targets_of(MODEL) == (
        Target("lab", "org/redux"),
        Target(
            "studio",
            "patchwork",
            parameters=(("steps", 28),),
            headers=(("x-lane", "slow"),),
            prompt="Again.",
            priority=1,
            weight=3,
            when=(("tier", "gold"),),
        ),
    )


def test_what_the_operator_wrote_of_their_order():
    assert routing_of(MODEL) == Routing(
        order="weight",
        sticky="subject",
        fallback_on=frozenset({429, 503}),
        hedge_after=20,
        circuit=CircuitRule(window=10, min_calls=2, failures=0.9, open_for=5),
    )


def test_who_wrote_nothing_gets_what_is_usual():
    assert routing_of(Model((TargetRef("lab/redux"),))) == Routing()


def test_a_plan_carries_its_routing_whatever_can_be_done():
    routing = Routing(order="latency")
    offers = {
        "lab": Offer(lambda _model: frozenset({VARY, CHAT}), ()),
        "talk": Offer(lambda _model: frozenset({CHAT}), ()),
    }
    catalog = Catalog(offers, {"mixed": (TALKER, REDUX), "plain": (REDUX,)}, routing={"mixed": routing})
    assert catalog.plan("mixed", VARY) == Plan("mixed", (REDUX,), routing)
    assert catalog.plan("mixed", CHAT) == Plan("mixed", (TALKER, REDUX), routing)
    assert catalog.plan("plain", VARY).routing == catalog.plan("lab/redux", VARY).routing == Routing()


def test_by_its_own_name_a_target_is_bare():
    dressed = replace(REDUX, parameters=(("steps", 28),), when=(("tier", "gold"),), prompt="Again.", weight=0)
    catalog = Catalog({"lab": Offer(lambda _model: frozenset({VARY}), ("redux",))}, {"vary": (dressed,)})
    assert catalog.plans == (Plan("vary", (dressed,)), Plan("lab/redux", (REDUX,)))


RETIRED = {"dall-e-2": ("gpt-image-2", "recraft/variateImage"), "unreplaced": ()}


@pytest.mark.parametrize("model", ["dall-e-2", "openai/dall-e-2", "nowhere/dall-e-2"])
def test_a_retired_model_is_answered_with_what_replaced_it(model):
    with pytest.raises(ModelNotFound) as caught:
        Catalog({}, {}, retired=RETIRED).plan(model, VARY)
    assert caught.value.message == (
        f"The model '{model}' was retired by its maker; it was replaced by: gpt-image-2, recraft/variateImage."
    )
    assert (caught.value.param, caught.value.code) == ("model", "model_not_found")


@pytest.mark.parametrize("model", ["unreplaced", "dall-e-2/x", "DALL-E-2", ""])
def test_others_are_just_not_there(model):
    with pytest.raises(ModelNotFound, match="does not exist here"):
        Catalog({}, {}, retired=RETIRED).plan(model, VARY)


def test_who_gives_a_retired_name_to_a_living_model_is_served():
    catalog = Catalog({"lab": Offer(lambda _model: frozenset({VARY}), ())}, {"dall-e-2": (REDUX,)}, retired=RETIRED)
    assert catalog.plan("dall-e-2", VARY).targets == (REDUX,)


@pytest.mark.parametrize(("model", "operation", "able"), [("vary", VARY, 2), ("mixed", CHAT, 3), ("mixed", VARY, 1)])
def test_how_many_targets_can_do_it(catalog, model, operation, able):
    assert catalog.able(model, operation) == able


def test_of_a_name_that_is_none_nobody_can_say(catalog):
    with pytest.raises(ModelNotFound):
        catalog.able("none", VARY)
