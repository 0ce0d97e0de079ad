"""LangChain's client for OpenAI, which reads more of answers and of streams than the official one shows."""

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from openai import BadRequestError, DefaultHttpxClient
from pydantic import BaseModel, SecretStr

from tests.conformance.saying import ANSWER, PIECES, TOKENS_IN, TOKENS_OUT, VECTORS
from tests.e2e.gateway import Gateway, serve, token
from tests.e2e.upstreams import ANSWERS, upstream

CONFIG = """\
retries: {{attempts: 1}}
providers:
  o: {{type: openai-compatible, base_url: "{url}/v1"}}
  a: {{type: anthropic, base_url: "{url}", api_key: {{env: VENDOR_KEY}}}}
models:
  chat: {{targets: [{{target: o/good}}]}}
  claude: {{targets: [{{target: a/claude-3-7-sonnet-20250219}}]}}
  choosy: {{targets: [{{target: o/choosy}}]}}
"""
USAGE = {"input_tokens": TOKENS_IN, "output_tokens": TOKENS_OUT, "total_tokens": TOKENS_IN + TOKENS_OUT}


Place = dict[str, Any]


class Weather(BaseModel):
    """Tells the weather."""

    city: str


@pytest.fixture(scope="module")
def chatting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with (
        upstream() as vendor,
        serve(tmp_path_factory.mktemp("langchain"), CONFIG.format(url=vendor.url), {"VENDOR_KEY": "k"}) as running,
    ):
        yield running


@pytest.fixture
def place(chatting: Gateway) -> Iterator[Place]:
    # LangChain closes no connection of its own making.
    with DefaultHttpxClient() as client:
        yield {"base_url": f"{chatting.url}/v1", "api_key": SecretStr(token()), "http_client": client, "max_retries": 0}


CASES = pytest.mark.parametrize(
    ("model", "more"),
    [("chat", {}), ("claude", {}), ("claude", {"use_responses_api": True})],
    ids=["straight", "translated", "responses"],
)


@CASES
def test_a_chat(place: Place, model: str, more: dict[str, Any]) -> None:
    told = ChatOpenAI(model=model, **place, **more).invoke("Hello, 世界 🌍")
    assert told.text == ANSWER
    assert told.usage_metadata is not None
    assert told.usage_metadata.items() >= USAGE.items()


@CASES
def test_a_chat_in_pieces(place: Place, model: str, more: dict[str, Any]) -> None:
    chunks = list(ChatOpenAI(model=model, **place, stream_usage=True, **more).stream("Hello"))
    assert [chunk.text for chunk in chunks if chunk.text] == list(PIECES)
    (usage,) = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata]
    assert usage.items() >= USAGE.items()


@CASES
def test_tools(place: Place, model: str, more: dict[str, Any]) -> None:
    able = ChatOpenAI(model=model, **place, **more).bind_tools([Weather])
    asked = HumanMessage("What is the weather like?")
    wants = able.invoke([asked])
    assert isinstance(wants, AIMessage)
    (call,) = wants.tool_calls
    assert (call["name"].lower(), call["args"]) == ("weather", ANSWERS)
    result = ToolMessage("rain", tool_call_id=call["id"])
    assert able.invoke([asked, wants, result]).text == ANSWER


@pytest.mark.parametrize("model", ["chat", "claude"])
def test_forms(place: Place, model: str) -> None:
    told = ChatOpenAI(model=model, **place).with_structured_output(Weather, method="json_schema").invoke("Where?")
    assert told == Weather(city="Zürich")


def test_vectors(place: Place) -> None:
    embeddings = OpenAIEmbeddings(model="chat", check_embedding_ctx_length=False, **place)
    assert embeddings.embed_documents(["one", "two"]) == [list(vector) for vector in VECTORS]


def test_errors(place: Place) -> None:
    with pytest.raises(BadRequestError, match="at most 2"):
        ChatOpenAI(model="choosy", **place).invoke("Hello")
