import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from torana.core import errors
from torana.core.errors import ToranaError
from torana.families.audio import SPEECH, TRANSCRIPTIONS
from torana.families.images import VARIATIONS
from torana.families.models import LIST, RETRIEVE
from torana.families.openapi import ERRORS, document

FIXTURE = Path(__file__).parents[1] / "fixtures" / "contract" / "images-variations.openapi.yaml"
CONTRACT: dict[str, Any] = yaml.safe_load(FIXTURE.read_text())
THEIRS: dict[str, Any] = CONTRACT["paths"]["/images/variations"]["post"]
OURS = document([VARIATIONS], "1.2.3")
PATHS = ["/images/variations", "/v1/images/variations"]
# What we may say of a field beyond the contract: it narrows what the contract leaves open, or marks what is ours.
FURTHER = {"default", "enum", "format", "maximum", "maxLength", "minimum", "minItems", "pattern"}


def operation(path: str) -> dict[str, Any]:
    found: dict[str, Any] = OURS["paths"][path]["post"]
    return found


def form(described: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = described["requestBody"]["content"]["multipart/form-data"]["schema"]
    return schema


def holds(ours: Any, theirs: Any) -> bool:
    """Whether ours says all that theirs does, and more only in the words that are allowed.

    A description is theirs, word for word; further sentences may follow.
    """
    if isinstance(theirs, dict):
        return theirs.keys() <= ours.keys() <= theirs.keys() | FURTHER and all(
            f"{ours[key]} ".startswith(f"{theirs[key]} ") if key == "description" else holds(ours[key], theirs[key])
            for key in theirs
        )
    if isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(holds, ours, theirs))
    return bool(ours == theirs)


def nodes(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict):
        yield document
        document = list(document.values())
    if isinstance(document, list):
        for part in document:
            yield from nodes(part)


@pytest.mark.parametrize(
    ("ours", "told"),
    [
        ({"type": "string", "description": "One. Two."}, True),
        ({"type": "string", "description": "One.", "enum": ["a"]}, True),
        ({"type": "integer", "description": "One."}, False),
        ({"type": "string", "description": "Two. One."}, False),
        ({"type": "string", "description": "One.Two"}, False),
        ({"description": "One."}, False),
        ({"type": "string", "description": "One.", "nullable": True}, False),
    ],
)
def test_the_measure_measures(ours, told):
    assert holds(ours, {"type": "string", "description": "One."}) is told


@pytest.mark.parametrize("name", form(THEIRS)["properties"])
def test_each_field_is_as_in_the_contract(name):
    assert holds(form(operation(PATHS[0]))["properties"][name], form(THEIRS)["properties"][name])


def test_what_is_needed_is_as_in_the_contract():
    assert form(operation(PATHS[0]))["required"] == form(THEIRS)["required"]
    assert form(operation(PATHS[0]))["type"] == form(THEIRS)["type"]


def test_what_is_ours_is_marked_and_never_needed():
    ours = form(operation(PATHS[0]))
    own = ours["properties"].keys() - form(THEIRS)["properties"].keys()
    assert own == {"seed", "strength", "output_format"}
    assert {name for name, field in ours["properties"].items() if field.get("x-torana-extension")} == own
    assert all(ours["properties"][name]["nullable"] for name in own)


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("seed", {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}),
        ("strength", {"type": "number", "minimum": 0, "maximum": 1}),
        ("output_format", {"type": "string", "enum": ["png", "webp", "jpeg"], "default": "png"}),
    ],
)
def test_what_is_ours_says_what_it_takes(name, schema):
    described = form(operation(PATHS[0]))["properties"][name]
    assert described == schema | {
        "description": described["description"],
        "nullable": True,
        "x-torana-extension": True,
    }


def test_pictures_are_files_one_or_more():
    file = {"type": "string", "format": "binary"}
    assert form(operation(PATHS[0]))["properties"]["image"]["anyOf"] == [
        file,
        {"type": "array", "items": file, "minItems": 1},
    ]
    assert VARIATIONS.files == {"image"}


def test_the_reply_is_as_in_the_contract_to_the_letter():
    theirs, ours = THEIRS["responses"]["200"], operation(PATHS[0])["responses"]["200"]
    assert ours["content"] == theirs["content"]
    assert ours["description"] == theirs["description"]


@pytest.mark.parametrize("status", THEIRS["responses"])
def test_each_status_is_as_in_the_contract(status):
    assert operation(PATHS[0])["responses"][status]["description"] == THEIRS["responses"][status]["description"]


def test_the_operation_is_as_in_the_contract():
    ours = operation(PATHS[0])
    assert {key: ours[key] for key in ("tags", "summary", "description")} == {
        key: THEIRS[key] for key in ("tags", "summary", "description")
    }
    assert ours["requestBody"]["required"] is True
    assert ours["requestBody"]["description"] == THEIRS["requestBody"]["description"]
    assert ours["requestBody"]["content"].keys() == THEIRS["requestBody"]["content"].keys()


def test_who_may_call_is_as_in_the_contract():
    assert OURS["security"] == CONTRACT["security"]
    assert OURS["components"]["securitySchemes"] == CONTRACT["components"]["securitySchemes"]
    assert OURS["info"]["title"] == CONTRACT["info"]["title"]


def test_both_paths_are_the_same_operation():
    assert list(OURS["paths"]) == PATHS
    plain, versioned = map(operation, PATHS)
    assert plain | {"operationId": None} == versioned | {"operationId": None}


def test_every_status_that_we_answer_with_is_told():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ToranaError)]
    # The wrong method on a known path is no answer of the operation, and a conflict is one of the admin API's.
    assert {str(kind.status) for kind in kinds} - {"405", "409"} == set(ERRORS)


@pytest.mark.parametrize("status", ERRORS)
def test_errors_have_openais_shape(status):
    reply = operation(PATHS[0])["responses"][status]
    assert reply["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Error"}
    members = OURS["components"]["schemas"]["Error"]["properties"]["error"]
    text, text_or_null = {"type": "string"}, {"type": "string", "nullable": True}
    assert members["properties"] == {"message": text, "type": text, "param": text_or_null, "code": text_or_null}
    assert set(members["required"]) == set(members["properties"])


def test_the_document_is_openapi():
    assert re.fullmatch(r"3\.0\.\d", OURS["openapi"])
    assert OURS["info"].keys() >= {"title", "version"}
    assert OURS["info"]["version"] == "1.2.3"
    assert json.loads(json.dumps(OURS)) == OURS


def test_what_is_referred_to_is_there():
    references = [node["$ref"] for node in nodes(OURS) if "$ref" in node]
    assert references
    for reference in references:
        found: Any = OURS
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert found


def test_schemas_hold_together():
    schemas = [node for node in nodes(OURS) if node.get("type") == "object" and "properties" in node]
    assert len(schemas) >= 4
    for schema in schemas:
        assert set(schema.get("required", ())) <= schema["properties"].keys()
    for node in nodes(OURS):
        if "default" in node and "enum" in node:
            assert node["default"] in node["enum"]


def test_operations_are_told_apart():
    ids = [node["operationId"] for node in nodes(OURS) if "operationId" in node]
    assert ids == ["images.variations", "images.variations_v1"]
    tags = {tag["name"] for tag in OURS["tags"]}
    assert {tag for path in PATHS for tag in operation(path)["tags"]} == tags


def test_a_question_without_a_body_is_described_by_its_path():
    paths = document((LIST, RETRIEVE), "1.2.3")["paths"]
    assert all("requestBody" not in described["get"] for described in paths.values())
    assert paths["/v1/models"]["get"]["parameters"] == []
    for path in ("/models/{model}", "/v1/models/{model}"):
        (parameter,) = paths[path]["get"]["parameters"]
        assert (parameter["name"], parameter["in"], parameter["required"]) == ("model", "path", True)
    assert set(paths["/models"]["get"]["responses"]["200"]["headers"]) == {"x-request-id", "server-timing"}


def test_replies_are_described():
    replies = [reply for path in PATHS for reply in operation(path)["responses"].values()]
    assert all(reply["description"] for reply in replies)
    headers = operation(PATHS[0])["responses"]["200"]["headers"]
    assert {"x-request-id", "x-torana-model", "x-torana-emulated", "x-torana-ignored", "x-torana-shortfall"} <= set(
        headers
    )
    assert all(re.fullmatch(r"[A-Z].*\.", header["description"]) for header in headers.values())


def test_a_reply_that_is_no_json_is_described_by_its_media_type():
    paths = document((SPEECH, TRANSCRIPTIONS), "1")["paths"]
    spoken = paths["/audio/speech"]["post"]["responses"]["200"]["content"]
    assert spoken == {
        "audio/*": {"schema": {"type": "string", "format": "binary"}},
        "text/event-stream": {"schema": {"type": "string"}},
    }
    written = paths["/audio/transcriptions"]["post"]["responses"]["200"]["content"]
    assert written["application/json"]["schema"]["required"] == ["text"]
    assert written["text/vtt"] == {"schema": {"type": "string"}}
