"""The API's description in OpenAPI as people read it (pure)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Schema = Mapping[str, Any]

_LINES: Final = "application/x-ndjson"
_AGGREGATION: Final = "AggregationBody"


@dataclass(frozen=True)
class Parameter:
    """A parameter of an address or a member of a body; what is required has no default."""

    name: str
    type: str
    default: str
    says: str


@dataclass(frozen=True)
class Operation:
    """What answers a method at a path."""

    method: str
    path: str
    says: str
    parameters: Sequence[Parameter]
    has_body: bool
    has_lines: bool

    @property
    def anchor(self) -> str:
        """Return its name within the page."""
        return f"{self.method}-{self.path.strip('/').split('/')[0]}".lower()


@dataclass(frozen=True)
class Shape:
    """A schema that others name, with its members."""

    name: str
    says: str
    parameters: Sequence[Parameter]


def operations_of(document: Schema) -> list[Operation]:
    """Return all operations in the order of the document."""
    return [
        _operation(document, method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def aggregations_of(document: Schema) -> list[Shape]:
    """Return the kinds of aggregations, by the name that each has in a body."""
    schemas = document["components"]["schemas"]
    kinds = schemas[_AGGREGATION]["properties"].items()
    return [_shape(name, schemas[_name_of(schema)]) for name, schema in kinds]


def trees_of(document: Schema) -> list[Shape]:
    """Return the kinds of nodes that a query's tree has."""
    kinds = document["components"]["schemas"]["Tree"]["properties"].items()
    return [_shape(name, schema) for name, schema in kinds]


def failures_of(document: Schema) -> list[tuple[str, str]]:
    """Return the statuses of errors, and what each means."""
    found: dict[str, str] = {}
    for methods in document["paths"].values():
        for operation in methods.values():
            answers = operation["responses"].items()
            found |= {status: answer["description"] for status, answer in answers if status >= "400"}
    return sorted(found.items())


def _operation(document: Schema, method: str, path: str, operation: Schema) -> Operation:
    body = operation.get("requestBody")
    if body:
        schema = document["components"]["schemas"][_name_of(body["content"]["application/json"]["schema"])]
        parameters = list(_members(schema))
    else:
        parameters = [
            _parameter(one["name"], one["schema"], one["required"], one.get("description", ""))
            for one in operation.get("parameters", ())
        ]
    has_lines = _LINES in operation["responses"]["200"]["content"]
    return Operation(method.upper(), path, operation["summary"], parameters, body is not None, has_lines)


def _shape(name: str, schema: Schema) -> Shape:
    return Shape(name, schema.get("description", ""), list(_members(schema)))


def _members(schema: Schema) -> Iterator[Parameter]:
    required = schema.get("required", ())
    for name, member in schema.get("properties", {}).items():
        yield _parameter(name, member, name in required, member.get("description", ""))


def _parameter(name: str, schema: Schema, required: bool, says: str) -> Parameter:
    default = "required" if required else json.dumps(schema["default"]) if schema.get("default") is not None else ""
    return Parameter(name, _type(schema), default, says)


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        return _name_of(schema).removesuffix("Body").lower()
    if isinstance(schema.get("type"), list):
        return " or ".join(_TYPES[one] for one in schema["type"] if one != "null")
    if "anyOf" in schema and "type" not in schema:
        return " or ".join(_type(one) for one in schema["anyOf"] if one != {"type": "null"})
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}" if "items" in schema else "list"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])}"
    least, most = (schema.get(name) for name in ("minimum", "maximum"))
    bounds = f" from {least:,.0f}" if least is not None else ""
    bounds += f" to {most:,.0f}" if most is not None and most < 2**53 else ""
    return f"{_TYPES.get(schema.get('type', ''), 'value')}{bounds}"


def _name_of(schema: Schema) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


_TYPES: Final = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
