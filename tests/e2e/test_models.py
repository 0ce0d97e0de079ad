"""What callers see of the models, by the official client."""

from collections.abc import Iterator

import pytest
from openai import AuthenticationError, NotFoundError, OpenAI, PermissionDeniedError

from tests.e2e.gateway import AUDIENCE, PHOTO, SECRET, Gateway, serve, token
from tests.e2e.wire import ask, fetch, head

TEAM_ISSUER = "https://team.example"
# The first line goes on with the list of issuers.
CONFIG = f"""\
    - issuer: {TEAM_ISSUER}
      audience: {AUDIENCE}
      algorithms: [HS256]
      secret: {{env: E2E_SECRET}}
      claims: {{models: models}}
providers: {{echo: {{type: echo}}, studio: {{type: local}}}}
models: {{vary: {{targets: [{{target: studio/patchwork}}, {{target: echo/echo}}]}}}}
"""
ALL = {"echo/echo": "echo", "studio/patchwork": "studio", "vary": "torana"}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with serve(tmp_path_factory.mktemp("models"), CONFIG) as running:
        yield running


@pytest.fixture(params=["", "/v1"])
def url(request: pytest.FixtureRequest, gateway: Gateway) -> str:
    return f"{gateway.url}{request.param}"


def allowed(url: str, *models: str) -> OpenAI:
    """A client whose token allows these models alone."""
    return OpenAI(base_url=url, api_key=token(SECRET, iss=TEAM_ISSUER, models=list(models)), max_retries=0)


def test_every_model_is_listed_and_can_be_retrieved(url: str) -> None:
    with OpenAI(base_url=url, api_key=token(), max_retries=0) as client:
        listed = list(client.models.list())
        assert {model.id: model.owned_by for model in listed} == ALL
        assert {(model.object, model.created) for model in listed} == {("model", 0)}
        assert [client.models.retrieve(model.id) for model in listed] == listed


def test_a_caller_sees_what_he_may_use_and_no_more(url: str) -> None:
    with allowed(url, "echo/*") as client:
        assert [model.id for model in client.models.list()] == ["echo/echo"]
        assert client.models.retrieve("echo/echo").owned_by == "echo"
        with pytest.raises(PermissionDeniedError) as forbidden:
            client.models.retrieve("studio/patchwork")
        assert (forbidden.value.code, forbidden.value.param) == ("model_not_allowed", "model")
        with pytest.raises(NotFoundError) as unknown:
            client.models.retrieve("echo/other")
        assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    with allowed(url) as client:
        assert list(client.models.list()) == []


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
def test_what_is_listed_can_be_used(url: str) -> None:
    with allowed(url, "vary", "echo/*") as client:
        for model in client.models.list():
            assert client.images.create_variation(model=model.id, image=PHOTO, size="256x256").data


def test_a_stranger_sees_nothing(url: str) -> None:
    with pytest.raises(AuthenticationError), OpenAI(base_url=url, api_key="sk-none", max_retries=0) as client:
        client.models.list()
    assert fetch(f"{url}/models").status == 401


def test_a_slash_may_stand_as_it_is(gateway: Gateway) -> None:
    headers = {"Authorization": f"Bearer {token()}"}
    reply = ask(gateway.address, head(headers, method="GET", path="/v1/models/echo/echo"), "GET")
    assert (reply.status, reply.json["id"]) == (200, "echo/echo")
