import dataclasses
from contextlib import nullcontext

import pytest

from tests.edge.gate import FAMILIES, Gate
from torana.config.model import Settings
from torana.edge.bodies.reading import BodyReader
from torana.edge.health import Metrics, Readiness
from torana.edge.operations import Operations
from torana.edge.routes import routes
from torana.families.faults import OPENAI
from torana.families.images import VARIATIONS
from torana.families.language.messages.wording import WORDING
from torana.families.models import LIST, RETRIEVE
from torana.families.openapi import document

OTHER = dataclasses.replace(VARIATIONS, operation="things.do", path="/things", method="PUT", wording=WORDING)


@pytest.fixture
def gate(tmp_path):
    return Gate(tmp_path, Settings())


def table(gate: Gate, *, metrics: bool = True):
    return routes(
        iter((VARIATIONS, OTHER)),
        Operations(lambda: nullcontext(gate.snapshot()), open_body=BodyReader(gate.forms()).open, links=gate.links),
        gate.links,
        readiness=Readiness({}, dict),
        metrics=Metrics(gate.signals, lambda: None) if metrics else None,
        version="1.2.3",
    )


def test_every_family_answers_with_and_without_the_version(gate):
    found = table(gate)
    for path in (VARIATIONS.path, f"/v1{VARIATIONS.path}"):
        assert (found[path].pattern, found[path].methods) == ("/images/variations", {"POST"})
    for path in (OTHER.path, f"/v1{OTHER.path}"):
        assert (found[path].pattern, found[path].methods) == ("/things", {"PUT"})


def test_errors_are_worded_as_the_family_does(gate):
    assert {path: route.wording for path, route in table(gate).items() if path.endswith("/things")} == {
        "/things": WORDING,
        "/v1/things": WORDING,
    }
    assert {route.wording for path, route in table(gate).items() if not path.endswith("/things")} == {OPENAI}


def test_the_rest_is_for_reading(gate):
    families = {*VARIATIONS.paths, *OTHER.paths}
    found = {path: route for path, route in table(gate).items() if path not in families}
    assert all(route.methods == {"GET", "HEAD"} for route in found.values())
    itself = {path: path for path in ("/openapi.json", "/healthz", "/readyz", "/pictures/*", "/metrics")}
    models = {"/models": "/models", "/v1/models": "/models"}
    one_model = {"/models/*": "/models/{model}", "/v1/models/*": "/models/{model}"}
    assert {path: route.pattern for path, route in found.items()} == itself | models | one_model


def test_a_busy_gateway_still_says_how_it_is(gate):
    assert {path for path, route in table(gate).items() if route.always} == {"/healthz", "/readyz", "/metrics"}


def test_metrics_can_be_left_out(gate):
    assert "/metrics" not in table(gate, metrics=False)


async def test_the_description_is_of_what_is_served(door):
    answer = await door.get("/openapi.json")
    assert answer.json == document((*FAMILIES, LIST, RETRIEVE), "1.2.3")
    for family, request in zip(FAMILIES, (door.post(), door.draw()), strict=True):
        served, versioned = (path.encode() for path in family.paths)
        for path in (served, versioned):
            assert path.decode() in answer.json["paths"]
            assert (await door.ask(request.replace(versioned, path, 1))).status == 200
