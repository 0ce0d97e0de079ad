"""Kept responses: read, listed, forgotten, by nobody but who asked for them."""

from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import parse_qs

from torana.core.errors import InvalidRequest, MethodNotAllowed, NotFound
from torana.core.exchange import EVENT_STREAM
from torana.edge.app import Handler, Route, respond_json
from torana.edge.exchange import Exchange
from torana.edge.headers.wishes import credentials
from torana.edge.operations import Lend
from torana.families.base import Endpoint
from torana.families.language.responses.continued import listed
from torana.families.language.responses.declared import CANCEL, DELETE, INPUT_ITEMS, RETRIEVE
from torana.families.language.responses.events import replay
from torana.pipeline.flow import identify
from torana.pipeline.remembering import Memory

_MOST_LISTED = 100
_LISTED = 20
ENDPOINTS = (RETRIEVE, DELETE, INPUT_ITEMS, CANCEL)


class KeptResponses:
    """Answers whoever asks for a response by its id."""

    def __init__(self, lend: Lend, memory: Memory) -> None:
        self._lend = lend
        self._memory = memory
        self._ways: Mapping[str, tuple[Endpoint, Handler]] = {
            "GET": (RETRIEVE, self.retrieve),
            "DELETE": (DELETE, self.delete),
            "GET input_items": (INPUT_ITEMS, self.list_items),
            "POST cancel": (CANCEL, self.cancel),
        }

    def routes(self) -> dict[str, Route]:
        """The paths below which responses are found."""
        methods = frozenset({"GET", "HEAD", "DELETE", "POST"})
        return {
            f"{version}/responses/*": Route("/responses/{response_id}", methods, self.serve) for version in ("", "/v1")
        }

    async def serve(self, exchange: Exchange) -> None:
        """One question; NotFound where the path asks none."""
        _, _, rest = exchange.path.partition("/responses/")
        response_id, _, asked = rest.partition("/")
        if not response_id or asked not in {"", "input_items", "cancel"}:
            raise NotFound(
                "There is nothing at this path. The API's description is at /openapi.json.", code="unknown_path"
            )
        method = "GET" if exchange.method == "HEAD" else exchange.method
        way = self._ways.get(f"{method} {asked}".strip())
        if way is None:
            allowed = sorted({name.partition(" ")[0] for name in self._ways if name.partition(" ")[2] == asked})
            raise MethodNotAllowed(exchange.method, allowed=tuple(allowed))
        endpoint, handle = way
        exchange.record.operation = endpoint.operation
        await handle(exchange)

    async def retrieve(self, exchange: Exchange) -> None:
        """The response, or the events that told it."""
        response_id, owner = await self._asked(exchange)
        kept = await self._memory.get(response_id, owner)
        query = _query(exchange)
        if query.get("stream") == "true":
            data = b"".join(replay(kept.response, _number(query, "starting_after", -1)))
            await exchange.respond(200, [("content-type", EVENT_STREAM)], _once(data), length=len(data))
        else:
            await exchange.respond(200, [("content-type", "application/json")], bytes(kept.response))

    async def delete(self, exchange: Exchange) -> None:
        """Forgets it."""
        response_id, owner = await self._asked(exchange)
        await self._memory.remove(response_id, owner)
        await respond_json(exchange, {"id": response_id, "object": "response", "deleted": True})

    async def list_items(self, exchange: Exchange) -> None:
        """A page of what went into it."""
        response_id, owner = await self._asked(exchange)
        kept = await self._memory.get(response_id, owner)
        await respond_json(exchange, _page(listed(kept.items or (), response_id), _query(exchange)))

    async def cancel(self, exchange: Exchange) -> None:
        """Refused: none is made in the background."""
        response_id, owner = await self._asked(exchange)
        await self._memory.get(response_id, owner)
        raise InvalidRequest(
            "Only a response that is made in the background can be cancelled, and the gateway makes none so.",
            param="response_id",
            code="invalid_value",
        )

    async def _asked(self, exchange: Exchange) -> tuple[str, str]:
        """Which response, and who asks."""
        with self._lend() as snapshot:
            principal = await identify(credentials(exchange.header), snapshot, exchange.record)
        response_id = exchange.path.partition("/responses/")[2].partition("/")[0]
        return response_id, f"{principal.issuer} {principal.name}"


def _page(items: list[dict[str, Any]], query: Mapping[str, str]) -> dict[str, Any]:
    limit = _number(query, "limit", _LISTED)
    if not 1 <= limit <= _MOST_LISTED:
        raise InvalidRequest(f"'limit' must be from 1 to {_MOST_LISTED}.", param="limit")
    order = query.get("order", "desc")
    if order not in {"asc", "desc"}:
        raise InvalidRequest("'order' must be 'asc' or 'desc'.", param="order")
    ordered = items if order == "asc" else items[::-1]
    after = query.get("after")
    if after is not None:
        places = [place for place, item in enumerate(ordered) if item["id"] == after]
        if not places:
            raise InvalidRequest(f"There is no item '{after[:80]}' to list from.", param="after")
        ordered = ordered[places[0] + 1 :]
    page = ordered[:limit]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": len(ordered) > limit,
    }


def _query(exchange: Exchange) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(exchange.query.decode("latin-1")).items()}


def _number(query: Mapping[str, str], name: str, usual: int) -> int:
    text = query.get(name, "")
    if text and not (text.isdecimal() and len(text) <= 9):  # noqa: PLR2004 - no more than anybody can mean
        raise InvalidRequest(f"'{name}' must be a whole number.", param=name, code="invalid_type")
    return int(text) if text else usual


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
