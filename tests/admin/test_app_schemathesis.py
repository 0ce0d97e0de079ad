"""Anything at all, asked of every call: what comes back is as the description has it, and nothing falls over."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.openapi import from_dict
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.admin.kit import database_in, house, served
from torana.admin.openapi import document
from torana.admin.operation import Operation
from torana.admin.routes import EVERY
from torana.config.model import Settings

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
BOUNDED = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
SCHEMA = from_dict(document(EVERY, root="/admin", version="1"))


@pytest.fixture(scope="module")
def url(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API over a database that the whole module wears out."""
    directory = tmp_path_factory.mktemp("served") / "data"
    shutil.copytree(empty, directory)
    with closing(database_in(directory)) as database, served(house(database, Settings()).admin) as url:
        yield url


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda mode: mode.value)
@pytest.mark.parametrize("operation", EVERY, ids=lambda each: f"{each.method} {each.path}")
def test_replies_are_as_described(url: str, operation: Operation[Any, Any], mode: GenerationMode) -> None:
    described: Any = SCHEMA[f"/admin{operation.path.replace(':path', '')}"][operation.method]
    if mode.is_negative and not (operation.parameters or described.body or described.query):
        return

    @BOUNDED
    @given(case=described.as_strategy(generation_mode=mode))
    def ask(case: Case[Any]) -> None:
        reply = case.call(base_url=url, headers={"Authorization": "anna admin"})
        case.validate_response(reply, checks=CHECKS)

    ask()
