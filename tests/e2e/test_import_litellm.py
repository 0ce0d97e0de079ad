"""A LiteLLM proxy's configuration, imported, serves the official client."""

import subprocess
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from openai import OpenAI

from tests.e2e.gateway import PHOTO, SECRET, TORANA, Gateway, serve, token

# OpenAI retired its own endpoint, so its client calls the method deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")

LITELLM = """\
model_list:
  - model_name: pictures
    litellm_params:
      model: openai/echo
      api_base: {url}/v1
      api_key: os.environ/LAB_TOKEN
      rpm: 100
  - model_name: broken
    litellm_params:
      model: openai/echo
      api_base: http://127.0.0.1:9/v1
      api_key: sk-plain
router_settings:
  fallbacks: [{{broken: [pictures]}}]
  model_group_alias: {{dall-e-2: pictures}}
general_settings:
  master_key: sk-1234
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, lab: Gateway) -> Iterator[Gateway]:
    directory = tmp_path_factory.mktemp("imported")
    directory.joinpath("litellm.yaml").write_text(LITELLM.format(url=lab.url))
    done = subprocess.run(
        [TORANA, "import", "litellm", "litellm.yaml"],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    environ = {"LAB_TOKEN": token(sub="gateway"), "TORANA_TOKEN_SECRET": SECRET, "TORANA_OPENAI_2_API_KEY": "any"}
    with serve(directory, as_more_issuers(yaml.safe_load(done.stdout)), environ) as running:
        yield running


def as_more_issuers(document: dict[str, Any]) -> str:
    """A configuration whose issuers go on with the list that every gateway here has."""
    issuers = yaml.safe_dump(document.pop("auth")["issuers"])
    return textwrap.indent(issuers, " " * 4) + yaml.safe_dump(document)


@pytest.mark.parametrize("model", ["pictures", "broken", "dall-e-2"])
def test_its_models_answer(gateway: Gateway, model: str) -> None:
    own = token(iss="torana", aud="torana")
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=own, max_retries=0) as client:
        reply = client.images.with_raw_response.create_variation(image=PHOTO, model=model, size="256x256")
    assert reply.headers["x-torana-model"] == "openai/echo"
    assert reply.parse().data
