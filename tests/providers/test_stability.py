import pytest

from torana.core.content import PictureInfo, Size
from torana.core.errors import Moderated, UpstreamAuth
from torana.dialects.steps import Ask, Received, Sent
from torana.providers.stability import DECLARATIONS, draw, fault

MODELS = DECLARATIONS[0].abilities


def form(ask):
    step = next(draw(ask))
    return b"".join(part for part in step.message.body if isinstance(part, bytes)).decode()


@pytest.mark.parametrize("model", MODELS)
def test_every_model_has_a_way(model):
    assert 'name="prompt"\r\n\r\na lighthouse\r\n' in form(Ask("images.generations", model, 1, prompt="a lighthouse"))


@pytest.mark.parametrize(("seed", "sent"), [(0, 1), (4_294_967_293, 4_294_967_294)])
def test_no_seed_of_ours_becomes_their_zero_which_is_chance(seed, sent):
    assert f'name="seed"\r\n\r\n{sent}\r\n' in form(Ask("images.generations", "sd3.5-large", 1, seed=seed))
    assert max(ability.most_seed or 0 for ability in MODELS.values()) == 4_294_967_293


def test_only_a_source_that_leads_leaves_the_shape_open():
    sources = (Sent(b"", PictureInfo("png", Size(64, 48))),)
    shaped = {
        model
        for model in MODELS
        if "aspect_ratio" in form(Ask("images.edits", model, 1, prompt="x", ratio="1:1", sources=sources))
    }
    assert shaped == {"control-style"}


@pytest.mark.parametrize("wanted", [Size(256, 256), Size(1024, 1024), Size(4000, 3000), Size(3000, 100)])
def test_a_source_is_made_as_large_as_the_models_were_taught(wanted):
    chosen = MODELS["sd3.5-large"].canvas.nearest(wanted).source
    assert chosen is not None
    assert 900_000 <= chosen.pixels <= 1_600_000
    assert MODELS["sd3.5-large"].demands.size_for(chosen) == chosen


def test_a_refusal_is_not_taken_for_wrong_credentials():
    assert type(fault(Received(403, {}, b'{"name": "content_moderation"}'))) is Moderated
    assert type(fault(Received(403, {}, b'{"name": "forbidden"}'))) is UpstreamAuth
