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
    """A field, what it is needed as (number, keyword, date or anything), where, and the id of its data view."""

    field: str
    need: str
    where: str
    view: str


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


def queries_of_views(saved: Json) -> Iterator[tuple[str, Json]]:
    """Yield every query of an object with the id of the data view that it runs on."""
    if saved["type"] == "search":
        yield from ((view_of(saved["references"]), query) for _, query in queries(saved))
    for _, lens in lenses(saved):
        yield from ((view_of(lens["references"]), query) for _, query in queries(lens))


def lenses(saved: Json) -> Iterator[tuple[str, Json]]:
    """Yield the attributes of every chart on a dashboard, with the title of its panel."""
    if saved["type"] == "dashboard":
        for panel in decoded(saved)["attributes"]["panelsJSON"]:
            if panel["type"] == "lens":
                yield panel["title"], panel["embeddableConfig"]["attributes"]


def view_of(references: list[Json]) -> str:
    """Return the id of the one data view that references lead to."""
    [found] = {one["id"] for one in references if one["type"] == "index-pattern"}
    return str(found)


def uses(saved: Json) -> Iterator[Use]:
    """Yield every field that an object names."""
    attributes, where = decoded(saved)["attributes"], saved["attributes"]["title"]
    if saved["type"] == "index-pattern":
        yield from _of_data_view(attributes, where, saved["id"])
    if saved["type"] == "search":
        view = view_of(saved["references"])
        yield from (Use(field, "anything", where, view) for field in attributes["columns"])
        yield from (Use(field, "date", where, view) for field, _ in attributes["sort"])
    for title, lens in lenses(saved):
        view = view_of(lens["references"])
        for place, node in nodes(lens, f"{where}/{title}"):
            if "operationType" in node and node.get("sourceField") not in (None, "___records___"):
                yield Use(node["sourceField"], _need(node["operationType"]), place, view)
    for place, node in nodes(attributes, where):
        if "fieldName" in node:
            own = [one for one in saved["references"] if one["name"].startswith(f"controlGroup_{node['id']}")]
            yield Use(node["fieldName"], "keyword", place, view_of(own))


def _need(operation: str) -> str:
    if operation in NUMBERS:
        return "number"
    return {"date_histogram": "date", "terms": "keyword", "unique_count": "keyword"}[operation]


def _of_data_view(attributes: Json, where: str, view: str) -> Iterator[Use]:
    yield Use(attributes["timeFieldName"], "date", where, view)
    for field, form in attributes["fieldFormatMap"].items():
        yield Use(field, _FORMAT_NEEDS[form["id"]], f"{where}: format", view)
    for field in attributes["fieldAttrs"]:
        yield Use(field, "anything", f"{where}: label", view)
