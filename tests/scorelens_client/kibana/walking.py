"""Find what saved objects ask of their indices, in the JSON that Kibana gets and in nothing that made it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

Json = dict[str, Any]

NUMBERS = {"sum", "average", "min", "max", "median", "percentile", "range"}
_TEXTS = ("panelsJSON", "optionsJSON", "searchSourceJSON", "ignoreParentSettingsJSON", "fieldFormatMap", "fieldAttrs")
_FORMAT_NEEDS = {"percent": "number", "number": "number", "bytes": "number", "duration": "number", "url": "keyword"}


class Use(NamedTuple):
    """A field, what it is needed as (number, keyword, date or anything), and where."""

    field: str
    need: str
    where: str


def decoded(value: Any) -> Any:
    """Return a saved object with the JSON texts within it read."""
    if isinstance(value, dict):
        return {
            name: decoded(json.loads(part) if name in _TEXTS and isinstance(part, str) else part)
            for name, part in value.items()
        }
    return [decoded(part) for part in value] if isinstance(value, list) else value


def nodes(value: Any, where: str = "") -> Iterator[tuple[str, Json]]:
    """Yield every object within a value, with its path."""
    if isinstance(value, dict):
        yield where, value
        for name, part in value.items():
            yield from nodes(part, f"{where}/{name}")
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from nodes(part, f"{where}/{number}")


def queries(saved: Json) -> Iterator[tuple[str, Json]]:
    """Yield every query of an object: of searches, panels, single columns and filters."""
    for where, node in nodes(decoded(saved)):
        if set(node) == {"language", "query"}:
            yield where, node


def lenses(saved: Json) -> Iterator[tuple[str, Json]]:
    """Yield the attributes of every chart on a dashboard, with the title of its panel."""
    if saved["type"] == "dashboard":
        for panel in decoded(saved)["attributes"]["panelsJSON"]:
            if panel["type"] == "lens":
                yield panel["title"], panel["embeddableConfig"]["attributes"]


def uses(saved: Json) -> Iterator[Use]:
    """Yield every field that an object names."""
    attributes, where = decoded(saved)["attributes"], saved["attributes"]["title"]
    if saved["type"] == "index-pattern":
        yield from _of_data_view(attributes, where)
    if saved["type"] == "search":
        yield from (Use(field, "anything", where) for field in attributes["columns"])
        yield from (Use(field, "date", where) for field, _ in attributes["sort"])
    for place, node in nodes(attributes, where):
        if "operationType" in node and node.get("sourceField") not in (None, "___records___"):
            yield Use(node["sourceField"], _need(node["operationType"]), place)
        if "fieldName" in node:
            yield Use(node["fieldName"], "keyword", place)


def _need(operation: str) -> str:
    if operation in NUMBERS:
        return "number"
    return {"date_histogram": "date", "terms": "keyword", "unique_count": "keyword"}[operation]


def _of_data_view(attributes: Json, where: str) -> Iterator[Use]:
    yield Use(attributes["timeFieldName"], "date", where)
    for field, form in attributes["fieldFormatMap"].items():
        yield Use(field, _FORMAT_NEEDS[form["id"]], f"{where}: format")
    for field in attributes["fieldAttrs"]:
        yield Use(field, "anything", f"{where}: label")
