"""Every path that the gateway answers at."""

from collections.abc import Iterable
from functools import partial
from typing import Any

import msgspec

from torana.edge.app import Handler, Route
from torana.edge.exchange import Exchange
from torana.edge.health import Metrics, Readiness, alive
from torana.edge.operations import Operations
from torana.edge.pictures import PREFIX, PictureLinks
from torana.edge.responses import ENDPOINTS as KEPT
from torana.families.base import Family
from torana.families.language.responses import RESPONSES
from torana.families.models import LIST, RETRIEVE
from torana.families.openapi import document

_READ = frozenset({"GET", "HEAD"})


def routes(
    families: Iterable[Family[Any, Any]],
    operations: Operations,
    links: PictureLinks,
    *,
    readiness: Readiness,
    metrics: Metrics | None,
    version: str,
) -> dict[str, Route]:
    """The table: exact paths, and ``/*`` endings for what lies below one."""
    families = tuple(families)
    table = {
        path: Route(family.path, frozenset({family.method}), partial(operations.serve, family), wording=family.wording)
        for family in families
        for path in family.paths
    }
    kept = KEPT if RESPONSES in families else ()
    # As bytes: the document itself would take ten times as much memory, for as long as the gateway runs.
    described = msgspec.json.encode(document((*families, *kept, LIST, RETRIEVE), version))

    async def openapi(exchange: Exchange) -> None:
        await exchange.respond(200, [("content-type", "application/json")], described)

    def reading(pattern: str, handle: Handler, *, always: bool) -> None:
        table[pattern] = Route(pattern, _READ, handle, always=always)

    for endpoint, handle in ((LIST, operations.list_models), (RETRIEVE, operations.retrieve_model)):
        for path in endpoint.paths:
            table[path.replace("{model}", "*")] = Route(endpoint.path, _READ, handle)
    reading("/openapi.json", openapi, always=False)
    reading("/healthz", alive, always=True)
    reading("/readyz", readiness.serve, always=True)
    reading(f"{PREFIX}*", links.serve, always=False)
    if metrics is not None:
        reading("/metrics", metrics.serve, always=True)
    return table
