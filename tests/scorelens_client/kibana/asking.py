"""What Kibana would ask of Elasticsearch for a chart: its columns as aggregations, one within the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]


def to_query(*queries: Json) -> Json:
    """Return the filter of some queries, each exactly as Kibana sends one in Lucene's syntax."""
    texts = [one["query"] for one in queries]
    assert {one["language"] for one in queries} == {"lucene"}
    asked = [{"query_string": {"query": text, "analyze_wildcard": True}} for text in texts if text]
    return {"bool": {"filter": asked}}


def to_searches(lens: Json, bounds: dict[str, tuple[float, float]]) -> list[Json]:
    """Return one search per layer of a chart; `bounds` are least and greatest values of fields with histograms."""
    state = lens["state"]
    return [
        {"size": 0, "track_total_hits": True, "query": to_query(state["query"]), "aggs": _nested(layer, bounds)}
        for layer in state["datasourceStates"]["formBased"]["layers"].values()
    ]


def _nested(layer: Json, bounds: dict[str, tuple[float, float]]) -> Json:
    columns = {name: layer["columns"][name] for name in layer["columnOrder"]}
    aggregations = {name: _number(column) for name, column in columns.items() if not column["isBucketed"]}
    for name in [name for name, column in reversed(columns.items()) if column["isBucketed"]]:
        within = aggregations | _ordered_by(columns[name], columns)
        aggregations = {name: _bucket(columns[name], columns, bounds) | {"aggs": within}}
    return aggregations


def _ordered_by(column: Json, columns: dict[str, Json]) -> Json:
    """Return the number that terms are ordered by, which Kibana asks for beside what lies further within."""
    if column["operationType"] != "terms":
        return {}
    name = column["params"]["orderBy"]["columnId"]
    return {} if _path(name, columns[name]) == "_count" else {name: _number(columns[name])}


def _number(column: Json) -> Json:
    asked = _metric(column)
    if "filter" not in column:
        return asked
    return {"filter": to_query(column["filter"]), "aggs": {"within": asked}}


def _metric(column: Json) -> Json:
    operation, field = column["operationType"], column["sourceField"]
    if operation == "count":
        return {"value_count": {"field": "_index"}}
    if operation == "median":
        return {"percentiles": {"field": field, "percents": [50]}}
    if operation == "percentile":
        return {"percentiles": {"field": field, "percents": [column["params"]["percentile"]]}}
    return {{"sum": "sum", "average": "avg", "unique_count": "cardinality"}[operation]: {"field": field}}


def _bucket(column: Json, columns: dict[str, Json], bounds: dict[str, tuple[float, float]]) -> Json:
    operation, params = column["operationType"], column["params"]
    if operation == "filters":
        return {"filters": {"filters": {one["label"]: to_query(one["input"]) for one in params["filters"]}}}
    if operation == "date_histogram":
        return {"date_histogram": {"field": column["sourceField"], "fixed_interval": "3h", "min_doc_count": 0}}
    if operation == "range":
        least, greatest = bounds[column["sourceField"]]
        width = max((greatest - least) / params["maxBars"], 1e-6)
        return {"histogram": {"field": column["sourceField"], "interval": width, "min_doc_count": 0}}
    assert operation == "terms"
    return {"terms": _terms(column["sourceField"], params, columns)}


def _terms(field: str, params: Json, columns: dict[str, Json]) -> Json:
    order = columns[params["orderBy"]["columnId"]]
    assert not order["isBucketed"]
    asked: Json = {
        "field": field,
        "size": params["size"],
        "order": {_path(params["orderBy"]["columnId"], order): "desc"},
    }
    if params["include"]:
        asked["include"] = params["include"][0] if params["includeIsRegex"] else params["include"]
    return asked


def _path(name: str, column: Json) -> str:
    if column["operationType"] == "count" and "filter" not in column:
        return "_count"
    inner = f"{name}>within" if "filter" in column else name
    percent = {"median": ".50", "percentile": f".{column['params'].get('percentile')}"}
    return inner + percent.get(column["operationType"], "")


def filled(answer: Json) -> bool:
    """Tell whether an answer has records, and each of its buckets and numbers something somewhere."""
    seen = [one for name, part in answer["aggregations"].items() for one in _leaves(name, part)]
    return {path for path, _ in seen} == {path for path, something in seen if something}


def _leaves(path: str, aggregation: Json) -> Iterator[tuple[str, bool]]:
    if "buckets" in aggregation:
        found = aggregation["buckets"]
        each = [one for one in (found.values() if isinstance(found, dict) else found) if one["doc_count"]]
        yield path, bool(each)
        for bucket in each:
            for name, part in bucket.items():
                yield from _leaves(f"{path}/{name}", part) if isinstance(part, dict) else ()
    elif "values" in aggregation:
        yield path, any(value is not None for value in aggregation["values"].values())
    elif "within" in aggregation:
        yield from _leaves(path, aggregation["within"])
    else:
        yield path, bool(aggregation["value"])
