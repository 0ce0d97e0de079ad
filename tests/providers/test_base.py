import dataclasses
import importlib
import subprocess
import sys

import pytest

from tests.providers.kit import Photo, opened, photo
from torana.config.upstreams import Account
from torana.core.content import Size
from torana.core.errors import DeadlineExceeded, InvalidImage
from torana.core.exchange import Target
from torana.core.price import TOKENS
from torana.families.images import EDIT, GENERATE, VARY, ImageRequest
from torana.media.job import InMemory
from torana.providers.base import Declarations, declarations

SHARED_LOOP = pytest.mark.asyncio(loop_scope="session")
DECLARED = declarations()
OPERATIONS = {VARY, EDIT, GENERATE}
SETTINGS = {field for field in Account.__struct_fields__ if field != "type"}


def test_every_module_of_the_folder_is_found():
    assert {"echo", "local", "openai-compatible", "openai", "black-forest-labs"} <= DECLARED.keys()


@pytest.mark.parametrize("name", DECLARED)
def test_a_type_is_found_without_reading_all_others(name):
    own = name.replace("-", "_")
    found = Declarations()
    assert found[name].type == name
    assert own not in found.unread
    assert len(found.unread) > len(DECLARED) / 4


def test_a_type_that_there_is_not_is_looked_for_everywhere():
    found = Declarations()
    assert "made-up" not in found
    assert not found.unread


def test_a_gateway_imports_no_more_than_its_configuration_names():
    code = "from torana.providers.base import declarations; declarations()['echo']; import sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "torana.providers.echo" in loaded
    assert loaded.isdisjoint({"torana.providers.fal", "torana.providers.speaking", "torana.dialects.bedrock"})


@pytest.mark.parametrize("name", DECLARED)
def test_a_declaration_holds_together(name):
    declared = DECLARED[name]
    assert declared.type == name
    assert declared.summary.endswith(".")
    assert declared.needs | declared.takes <= SETTINGS | declared.options.keys()
    assert all(ability.operations <= OPERATIONS for ability in declared.abilities.values())
    if declared.alone is not None:
        assert declared.models
        assert not declared.needs
    if declared.warm is not None:
        module, _, function = declared.warm.partition(":")
        assert callable(getattr(importlib.import_module(module), function))


@SHARED_LOOP
@pytest.mark.parametrize("name", DECLARED)
async def test_a_provider_can_do_what_its_declaration_says(lent, name):
    declared = DECLARED[name]
    options = dict.fromkeys(declared.options.keys() & declared.needs, "x")
    account = Account(type=name, base_url="http://127.0.0.1:9/v1" if not declared.base_url else None, options=options)
    can = set().union(*(ability.operations for ability in declared.abilities.values()))
    can |= set().union(*(declared.spoken(model) for model in ("*", *declared.spoken_models)))
    assert set(declared.build(account, None, lent).operations) == can


@SHARED_LOOP
@pytest.mark.parametrize("name", sorted(name for name, each in DECLARED.items() if each.alone))
async def test_what_needs_no_upstream_costs_nothing(lent, name):
    provider = DECLARED[name].build(Account(type=name), None, lent)
    for request in (ImageRequest("m", (photo(),), n=10), ImageRequest("m", prompt="a cat", operation=GENERATE)):
        assert provider.worst(request, Target("a", "m")) == 0


@SHARED_LOOP
@pytest.mark.parametrize("source", [photo(), photo(300, 40, "JPEG"), InMemory(photo(50, 50, "GIF").data)])
@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp"])
async def test_a_picture_is_fitted_exactly(lent, source, output_format):
    made = await lent.fitted(source, size=Size(48, 32), output_format=output_format)
    opened(made)
    assert (made.info.size, made.info.format) == (Size(48, 32), output_format)


@SHARED_LOOP
@pytest.mark.parametrize(
    "source", [Photo(photo().data[:60]), photo(1001, 1000, "BMP")], ids=["broken", "too many pixels"]
)
async def test_what_cannot_be_decoded_is_refused(lent, source):
    with pytest.raises(InvalidImage):
        await lent.fitted(source, size=Size(48, 32), output_format="png")


@SHARED_LOOP
async def test_fitting_has_its_time_and_no_more(lent):
    hurried = dataclasses.replace(lent, work_deadline=0.0)
    with pytest.raises(DeadlineExceeded, match="within 0 s"):
        await hurried.fitted(photo(), size=Size(48, 32), output_format="png")
    assert await lent.fitted(photo(), size=Size(48, 32), output_format="png")


def test_what_is_known_to_cost_what():
    openai, anthropic = DECLARED["openai"], DECLARED["anthropic"]
    assert openai.priced("gpt-image-2")
    assert openai.priced("gpt-5.2")
    assert openai.priced("omni-moderation-latest")
    assert not openai.priced("whatever comes next")
    assert not anthropic.priced("claude-fable-5-2")
    assert DECLARED["ollama"].priced("anything")
    assert DECLARED["local"].priced("patchwork")


@pytest.mark.parametrize("name", DECLARED)
def test_known_prices_are_of_tokens_there_are(name):
    prices = filter(None, map(DECLARED[name].spoken_price, DECLARED[name].spoken_models))
    assert {kind for price in prices for kind in price.per_million_tokens} <= set(TOKENS)
