import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tests.providers.kit import CONTEXT, photo
from torana.config.upstreams import Prompts
from torana.core.content import Size
from torana.core.errors import InvalidRequest
from torana.families.images import EDIT, GENERATE, VARY, ImageRequest
from torana.media.jobs.preparing import Demands
from torana.providers.imaging.ability import Ability, Scale
from torana.providers.imaging.asking import Asking, asking
from torana.providers.imaging.canvas import AsSource, Ratios, Stepped

ALL = frozenset({VARY, EDIT, GENERATE})
PROMPTS = Prompts(close="closely", usual="usually", bold="boldly")
REQUEST = ImageRequest("m", (photo(),), size=Size(512, 512))


def ask(request: ImageRequest = REQUEST, ability: Ability | None = None, **context: object) -> Asking:
    return asking(
        request,
        ability or Ability(ALL),
        "m",
        context=structs.replace(CONTEXT, **context),
        prompts=PROMPTS,
        options={},
    )


@pytest.mark.parametrize(
    ("strength", "words"), [(None, "usually"), (0.0, "closely"), (0.34, "closely"), (0.5, "usually"), (0.9, "boldly")]
)
def test_how_far_to_go_is_said_in_words_where_there_is_no_scale(strength: float | None, words: str) -> None:
    asked = ask(structs.replace(REQUEST, strength=strength))
    assert asked.asks[0].prompt == words
    assert asked.asks[0].strength is None
    assert asked.emulated == (("prompt",) if strength is None else ("prompt", "strength"))


def test_a_scale_is_used_where_there_is_one() -> None:
    ability = Ability(ALL, strength=Scale(0.1, 0.9))
    assert ask(structs.replace(REQUEST, strength=1.0), ability).asks[0].strength == 0.9
    assert ask(ability=ability).asks[0].strength == 0.5
    assert "strength" not in ask(structs.replace(REQUEST, strength=1.0), ability).emulated


def test_the_targets_own_words_go_before_the_gateways_and_the_clients_before_both() -> None:
    assert ask(prompt="ours").asks[0].prompt == "ours"
    edit = structs.replace(REQUEST, operation=EDIT, prompt="theirs")
    assert ask(edit, prompt="ours").asks[0].prompt == "theirs"
    assert ask(edit).emulated == ()


def test_who_needs_no_words_gets_none() -> None:
    asked = ask(structs.replace(REQUEST, strength=0.2), Ability(ALL, prompted=False))
    assert (asked.asks[0].prompt, asked.emulated, asked.ignored) == ("", (), ("strength",))


@given(n=st.integers(1, 10), most=st.integers(1, 10), seed=st.none() | st.integers(0, 2**63 - 1))
def test_calls_are_shared_out_and_no_two_have_one_seed(n: int, most: int, seed: int | None) -> None:
    request = structs.replace(REQUEST, n=n, seed=seed)
    asked = ask(request, Ability(ALL, most=most, most_seed=2**32 - 1))
    assert sum(each.n for each in asked.asks) == n
    assert all(1 <= each.n <= most for each in asked.asks)
    assert ("fan-out" in asked.emulated) == (n > most)
    seeds = [each.seed for each in asked.asks]
    assert all(each is None for each in seeds) if seed is None else len(set(seeds)) == len(seeds)
    assert all(each is None or 0 <= each < 2**32 for each in seeds)


def test_what_means_nothing_to_the_model_is_told() -> None:
    request = structs.replace(REQUEST, seed=1, images=(photo(), photo()), wishes={"quality": "high", "style": "vivid"})
    asked = ask(request, Ability(ALL, wishes=frozenset({"quality"})))
    assert asked.asks[0].wishes == {"quality": "high"}
    assert asked.ignored == ("image[1]", "seed", "style")
    assert asked.sources == 1


@pytest.mark.parametrize(
    ("change", "ability", "param"),
    [
        ({"operation": EDIT}, Ability(ALL), "prompt"),
        ({"operation": GENERATE, "images": ()}, Ability(ALL), "prompt"),
        ({"operation": EDIT, "prompt": "x", "mask": photo()}, Ability(ALL), "mask"),
        ({"operation": EDIT, "prompt": "x", "images": (photo(), photo())}, Ability(ALL), "image"),
    ],
)
def test_what_cannot_be_left_out_is_refused(change: dict[str, object], ability: Ability, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        ask(structs.replace(REQUEST, **change), ability)
    assert refused.value.param == param


def test_the_size_is_the_nearest_there_is() -> None:
    stepped = ask(ability=Ability(ALL, canvas=Stepped(step=64, least=1024))).asks[0]
    assert (str(stepped.size), stepped.ratio) == ("1024x1024", None)
    ratio = ask(ability=Ability(ALL, canvas=Ratios(("1:1", "2:3")))).asks[0]
    assert (ratio.size, ratio.ratio) == (None, "1:1")


def test_left_to_the_model_the_size_follows_the_source_where_one_must_be_named() -> None:
    auto = structs.replace(REQUEST, size=None, images=(photo(640, 320),))
    assert ask(auto).asks[0].size is None
    assert str(ask(auto, Ability(ALL, canvas=Stepped(step=64))).asks[0].size) == "640x320"
    generation = structs.replace(auto, operation=GENERATE, images=(), prompt="x")
    assert ask(generation, Ability(ALL, canvas=Stepped(step=64))).asks[0].size is None


def test_a_source_that_gives_the_size_is_brought_to_it() -> None:
    asked = ask(ability=Ability(ALL, canvas=AsSource(Stepped(step=64, least=256))))
    assert asked.demands.exact == Size(512, 512)
    assert asked.asks[0].size is None


@pytest.mark.parametrize(
    ("formats", "wanted", "asked_for"),
    [
        ((), "png", None),
        (("jpeg", "png"), "webp", "png"),
        (("jpeg", "png", "webp"), "webp", "webp"),
        (("jpeg",), "png", "jpeg"),
    ],
)
def test_the_format_that_spares_a_conversion(formats: tuple[str, ...], wanted: str, asked_for: str | None) -> None:
    request = structs.replace(REQUEST, output_format=wanted)
    assert ask(request, Ability(ALL, formats=frozenset(formats))).asks[0].output_format == asked_for


def test_the_operators_own_fields_go_along() -> None:
    assert ask(parameters={"steps": 4}).asks[0].parameters == {"steps": 4}


@pytest.mark.parametrize(
    ("stream", "able", "partials"), [(True, True, 2), (True, False, 0), (False, True, 0), (False, False, 0)]
)
def test_unfinished_pictures_are_asked_for_where_they_are_wanted_and_can_be_had(
    stream: bool, able: bool, partials: int
) -> None:
    request = ImageRequest("m", prompt="a cat", operation=GENERATE, stream=stream, partial_images=2)
    assert ask(request, Ability(ALL, partial=able)).asks[0].partials == partials


def test_what_the_upstream_takes_in_all_is_shared_among_the_sources() -> None:
    ability = Ability(ALL, sources=3, most_bytes=900, demands=Demands(max_bytes=500))
    of = [ask(structs.replace(REQUEST, images=(photo(),) * count), ability).demands for count in (1, 2, 3, 4)]
    assert [demands.max_bytes for demands in of] == [500, 450, 300, 300]
