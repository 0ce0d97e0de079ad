import pytest

from tests.policy.guardrails.kit import matter
from torana.core.clock import FakeClock
from torana.core.errors import InvalidRequest, ModelNotFound, UpstreamError
from torana.core.exchange import Reply, Target
from torana.families.language.asked import Spoken
from torana.pipeline.judging import Judging
from torana.routing.catalog import Catalog, Offer
from torana.routing.health import Health

BODY = b'{"model": "judge", "input": ["x"]}'


class Provider:
    def __init__(self, *ends):
        self.ends, self.asked = list(ends), []
        self.operations = {"moderations": self.moderate}

    async def moderate(self, request, model, context):
        self.asked.append((request.body["input"], model, context.caller, context.parameters))
        end = self.ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return Reply(end)


def judging(provider):
    offer = Offer(lambda _model: frozenset({"moderations"}), ())
    targets = (Target("a", "one", parameters=(("x", 1),)), Target("a", "two"))
    return Judging(Catalog({"a": offer}, {"judge": targets}), {"a": provider}, Health(FakeClock()))


async def test_a_model_answers_as_for_any_caller():
    provider = Provider(Spoken(b"{}"))
    assert await judging(provider).judge(BODY, matter()) == b"{}"
    assert provider.asked == [(["x"], "one", "us user:ada", {"x": 1})]


async def test_the_next_target_is_asked_where_one_fails():
    provider = Provider(UpstreamError("no"), Spoken(b"{}"))
    assert await judging(provider).judge(BODY, matter()) == b"{}"
    assert [model for _, model, _, _ in provider.asked] == ["one", "two"]


async def test_who_cannot_be_asked():
    with pytest.raises(ModelNotFound):
        await judging(Provider()).judge(b'{"model": "nobody", "input": "x"}', matter())
    with pytest.raises(InvalidRequest):
        await judging(Provider()).judge(b'{"model": "judge"}', matter())
    with pytest.raises(UpstreamError):
        await judging(Provider(Spoken(b"", told=True))).judge(BODY, matter())
