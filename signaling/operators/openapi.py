"""The OpenAPI document of the operators' REST, made from the operations and the types they use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from signaling.operators import bodies

if TYPE_CHECKING:
    from signaling.operators.routes import Operation

VERSION = "1"
_REFUSALS = {
    "400": "The request is malformed; `details.field` names the place.",
    "401": "No access token, none of ours, or an old one.",
    "403": "The account is no operator.",
    "429": "Too many requests; see Retry-After.",
    "503": "The database is away; see Retry-After.",
}
_OF_BODIES = {
    "413": "The body is too large.",
    "415": "The body is not declared to be JSON.",
}


def document(operations: Sequence[Operation], base: str) -> dict[str, Any]:
    """OpenAPI 3.1, whose schemas are JSON Schema 2020-12 as msgspec writes them."""
    answers = [operation.answer for operation in operations]
    asked = [kind for o in operations for kind in (o.body, o.query) if kind is not None]
    schemas, components = msgspec.json.schema_components(
        [*answers, *asked, bodies.ErrorBody], ref_template="#/components/schemas/{name}"
    )
    answer_schemas = schemas[: len(answers)]
    paths: dict[str, dict[str, Any]] = {}
    for operation, schema in zip(operations, answer_schemas, strict=True):
        paths.setdefault(base + operation.path, {})[operation.method.lower()] = _operation(
            operation, schema, components
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Burrow for operators",
            "version": VERSION,
            "description": "Every request needs the access token of an account with the role `operator`.",
        },
        "security": [{"operator": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"operator": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _operation(operation: Operation, answer: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    named = re.findall(r"{(\w+)}", operation.path)
    refusals = dict(_REFUSALS)
    if operation.body is not None:
        refusals |= _OF_BODIES
    if named:
        refusals["404"] = "There is nothing of this id."
    if operation.conflict:
        refusals["409"] = "The node is not in the state for it."
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [*_in_path(named), *_in_query(operation, components)],
        "responses": {
            "200": _response("Done.", answer),
            **{
                status: _response(why, {"$ref": "#/components/schemas/ErrorBody"})
                for status, why in sorted(refusals.items())
            },
        },
    }
    if operation.body is not None:
        schema = {"$ref": f"#/components/schemas/{operation.body.__name__}"}
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return described


def _response(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _in_path(names: Iterable[str]) -> list[dict[str, Any]]:
    pattern = r"^[A-Za-z0-9_-]{1,64}$"
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": pattern}}
        for name in names
    ]


def _in_query(operation: Operation, components: dict[str, Any]) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    schema = components[operation.query.__name__]
    required = set(schema.get("required", ()))
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _given(kind)}
        for name, kind in schema["properties"].items()
    ]


def _given(kind: dict[str, Any]) -> dict[str, Any]:
    """A parameter's schema: one that may be left out is not ``null``, it is not there."""
    choices = [choice for choice in kind.get("anyOf", ()) if choice.get("type") != "null"]
    if len(choices) == 1:
        return dict(choices[0])
    return {name: value for name, value in kind.items() if name != "default" or value is not None}
