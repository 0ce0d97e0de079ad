"""The API's own description, as OpenAPI 3.1, made from the structs that its calls take and give."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

from torana.admin.operation import Operation
from torana.admin.problems import ErrorReply
from torana.admin.tables import MEDIA
from torana.admin.wire import Nothing, unit_schema
from torana.config.units import Seconds

_TEMPLATE = "#/components/schemas/{name}"
_ERRORS = {
    "400": "Something in it is wrong; `param` names it.",
    "401": "No key or token, or none that is good.",
    "403": "Not with this role.",
    "404": "There is no such thing.",
    "409": "Not as things stand.",
    "413": "More bytes than a request may have.",
    "503": "The database is not available.",
}
_HEADERS = {"x-request-id": {"description": "The id of this request, in our logs too.", "schema": {"type": "string"}}}


def document(operations: Sequence[Operation[Any, Any]], *, root: str, version: str) -> dict[str, Any]:
    """The whole of it."""
    shapes = [shape for each in operations for shape in (each.reply, _shape(each))]
    schemas, components = msgspec.json.schema_components(
        [ErrorReply, *shapes], schema_hook=unit_schema, ref_template=_TEMPLATE
    )
    replies, bodies = schemas[1::2], schemas[2::2]
    paths: dict[str, dict[str, Any]] = {}
    for operation, reply, body in zip(operations, replies, bodies, strict=True):
        described = _operation(operation, reply, body)
        paths.setdefault(_path(root, operation), {})[operation.method.lower()] = described
    described = {
        "openapi": "3.1.0",
        "info": {
            "title": "Torana admin API",
            "description": "Keys, people, rules and books of the gateway.",
            "version": version,
        },
        "security": [{"key": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in operations)],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "A key or a token."}},
        },
    }
    portable: dict[str, Any] = _portable(described)
    return portable


def _path(root: str, operation: Operation[Any, Any]) -> str:
    return root + operation.path.replace(":path}", "}")


def _shape(operation: Operation[Any, Any]) -> Any:  # noqa: ANN401 - a type, as msgspec takes them
    kind: type[Struct] = operation.shape or operation.body
    return _described(kind, frozenset(operation.parameters)) if _takes_a_body(operation) else Nothing


def _takes_a_body(operation: Operation[Any, Any]) -> bool:
    return operation.body is not Nothing


@cache
def _described(kind: type[Struct], in_path: Collection[str]) -> type[Struct]:
    """A twin that msgspec can describe: durations as they are written, and what the path says may be left out."""
    fields: list[tuple[str, Any, Any]] = []
    for each in msgspec.structs.fields(kind):
        if each.required and each.name not in in_path:
            fields.append((each.name, each.type, msgspec.NODEFAULT))
        elif each.required:
            fields.append((each.name, each.type | msgspec.UnsetType, msgspec.UNSET))
        else:
            usual = each.default_factory() if each.default is msgspec.NODEFAULT else each.default
            fields.append((each.name, each.type, str(usual) if isinstance(usual, Seconds) else usual))
    told = {"__doc__": kind.__doc__}
    return msgspec.defstruct(kind.__name__, fields, namespace=told, kw_only=True, forbid_unknown_fields=True)


def _operation(operation: Operation[Any, Any], reply: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {"application/json": {"schema": reply}}
    if operation.tables:
        content |= {media.partition(";")[0]: {"schema": {"type": "string"}} for media in MEDIA.values()}
    described: dict[str, Any] = {
        "operationId": _identifier(operation),
        "summary": operation.summary,
        "description": f"For the role {operation.role} and those above it.",
        "tags": [operation.tag],
        "parameters": [*_in_path(operation), *_in_query(operation)],
        "responses": {
            str(operation.status): {"description": "Done.", "headers": _HEADERS, "content": content},
            **{status: _error(told) for status, told in _ERRORS.items()},
        },
    }
    if _takes_a_body(operation):
        described["requestBody"] = {"content": {"application/json": {"schema": body}}, "required": True}
    return described


def _identifier(operation: Operation[Any, Any]) -> str:
    words = re.findall(r"[a-z]+", f"{operation.method.lower()} {operation.path.replace(':path', '')}")
    return "_".join(words)


def _in_path(operation: Operation[Any, Any]) -> Iterable[dict[str, Any]]:
    for name, told in operation.parameters.items():
        schema = {"type": "string", "minLength": 1}
        yield {"name": name, "in": "path", "required": True, "description": told, "schema": schema}


def _in_query(operation: Operation[Any, Any]) -> Iterable[dict[str, Any]]:
    (schema,), components = msgspec.json.schema_components(
        [operation.query], schema_hook=unit_schema, ref_template=_TEMPLATE
    )
    fields = components[schema["$ref"].rpartition("/")[2]]
    for name, described in fields["properties"].items():
        shape = _without_null(described)
        yield {"name": name, "in": "query", "required": name in fields.get("required", ()), "schema": shape}


def _without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter's schema: what may be left out cannot be null in a query."""
    shape = {name: value for name, value in schema.items() if name != "default" or value is not None}
    choices = [choice for choice in shape.get("anyOf", ()) if choice != {"type": "null"}]
    if choices:
        del shape["anyOf"]
    # What is said of the parameter goes before what is said of its type.
    return {**(choices[0] if choices else {}), **shape}


def _error(told: str) -> dict[str, Any]:
    schema = {"$ref": _TEMPLATE.format(name=ErrorReply.__name__)}
    return {"description": told, "headers": _HEADERS, "content": {"application/json": {"schema": schema}}}


def _portable(value: Any) -> Any:  # noqa: ANN401 - any part of a JSON document
    """Patterns as ECMA 262 has them, which ends a text with a dollar sign."""
    if isinstance(value, dict):
        return {
            name: re.sub(r"\\Z\Z", "$", each) if name == "pattern" and isinstance(each, str) else _portable(each)
            for name, each in value.items()
        }
    return [_portable(each) for each in value] if isinstance(value, list | tuple) else value
