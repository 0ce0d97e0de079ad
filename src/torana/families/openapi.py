"""Our OpenAPI document, made from what the families declare."""

from collections.abc import Iterable, Mapping
from typing import Any

from torana.families.base import Endpoint, Family, Field

_ERROR_MEMBERS = {
    "message": {"type": "string"},
    "type": {"type": "string"},
    "param": {"type": "string", "nullable": True},
    "code": {"type": "string", "nullable": True},
}
_ERROR_SCHEMA = {
    "type": "object",
    "properties": {"error": {"type": "object", "properties": _ERROR_MEMBERS, "required": list(_ERROR_MEMBERS)}},
    "required": ["error"],
}
ERRORS: Mapping[str, str] = {
    "400": "Bad Request",
    "401": "Unauthorized",
    "403": "Forbidden",
    "404": "Not Found",
    "408": "Request Timeout",
    "413": "Content Too Large",
    "422": "Unprocessable Content",
    "429": "Too Many Requests",
    "500": "Internal Server Error",
    "502": "Bad Gateway",
    "503": "Service Unavailable",
    "504": "Gateway Timeout",
}
_HEADERS = {
    "x-request-id": "The id of this request, in our logs too.",
    "server-timing": "Milliseconds by stage.",
}
_BY_MODELS = {
    "x-torana-model": "The target that answered, as `account/model`.",
    "x-torana-emulated": "What was not natively so at the target, separated by commas.",
    "x-torana-ignored": "Fields that were sent and had no effect, separated by commas.",
    "x-torana-shortfall": "How many pictures fewer than asked came back.",
    "x-torana-replayed": "It is `true` where an earlier call with the same key was answered so.",
    "x-torana-cost": "What the call cost at the upstream, in US dollars, or `unknown`.",
}


def document(endpoints: Iterable[Endpoint], version: str) -> dict[str, Any]:
    """The whole document, as OpenAPI 3.0."""
    endpoints = tuple(endpoints)
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "LLM Gateway",
            "description": "One OpenAI-compatible API in front of every model provider a company uses.",
            "version": version,
        },
        "security": [{"AuthorizationBearer": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(endpoint.tag for endpoint in endpoints)],
        "paths": {
            path: {endpoint.method.lower(): _operation(endpoint, versioned=path != endpoint.path)}
            for endpoint in endpoints
            for path in endpoint.paths
        },
        "components": {
            "schemas": {"Error": _ERROR_SCHEMA},
            "securitySchemes": {"AuthorizationBearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _operation(endpoint: Endpoint, *, versioned: bool) -> dict[str, Any]:
    body, headers = ({"requestBody": _body(endpoint)}, _BY_MODELS) if isinstance(endpoint, Family) else ({}, {})
    return {
        "tags": [endpoint.tag],
        "operationId": endpoint.operation + ("_v1" if versioned else ""),
        "summary": endpoint.summary,
        "description": endpoint.description,
        "parameters": [_parameter(field) for field in endpoint.parameters],
        **body,
        "responses": {
            "200": {
                "description": endpoint.gives,
                "headers": {name: _header(text) for name, text in (_HEADERS | headers).items()},
                "content": {kind: {"schema": _reply(endpoint, kind)} for kind in endpoint.media_types},
            },
            **{status: _error(description) for status, description in ERRORS.items()},
        },
    }


def _reply(endpoint: Endpoint, media_type: str) -> dict[str, Any]:
    if media_type == "application/json":
        return dict(endpoint.reply_schema)
    return {"type": "string"} if media_type.startswith("text/") else {"type": "string", "format": "binary"}


def _parameter(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "in": "path",
        "required": True,
        "description": field.description,
        "schema": dict(field.schema),
    }


def _body(family: Family[Any, Any]) -> dict[str, Any]:
    ways = (("multipart/form-data", family.fields), ("application/json", family.json_fields))
    return {
        "required": True,
        "description": family.takes,
        "content": {media_type: {"schema": _object(fields)} for media_type, fields in ways if fields},
    }


def _object(fields: tuple[Field, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {field.name: _property(field) for field in fields},
        "required": [field.name for field in fields if field.required],
    }


def _property(field: Field) -> dict[str, Any]:
    described = {**field.schema, "description": field.description}
    if field.nullable:
        described["nullable"] = True
    if field.extension:
        described["x-torana-extension"] = True
    return described


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


def _error(description: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {"description": description, "content": content}
