"""Charts as Vega-Lite says them (pure); what is drawn is data that the page holds as a table as well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Spec = Mapping[str, Any]
Row = Mapping[str, Any]

SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"
HEIGHT: Final = 180


@dataclass(frozen=True)
class Chart:
    """A chart: its title, what it shows in a sentence, how it is drawn, and its rows as a table for whoever reads."""

    title: str
    says: str
    spec: Spec
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    link: str = ""


def bars_over_time(title: str, says: str, rows: Sequence[tuple[str, float]], name: str = "documents") -> Chart:
    """Draw a number for each period; `rows` have the start of the period, RFC 3339."""
    encoding = {
        "x": {"field": "time", "type": "temporal", "title": None},
        "y": {"field": "value", "type": "quantitative", "title": name},
        "tooltip": _tooltip(("time", "temporal", "time"), ("value", "quantitative", name)),
    }
    data = [{"time": time, "value": value} for time, value in rows]
    mark = {"type": "bar", "binSpacing": 1, "width": {"band": 0.9}} if len(rows) < 3 else {"type": "area", "line": True}
    return Chart(title, says, _spec(data, mark, encoding), ("time", name), rows)


def lines_over_time(
    title: str,
    says: str,
    rows: Sequence[tuple[str, str, float]],
    series: str,
    name: str,
    order: Sequence[str] = (),
    colours: Sequence[str] = (),
) -> Chart:
    """Draw a line for each of some series; `rows` have time, series and value, `colours` are as in stacked_by_name."""
    encoding = {
        "x": {"field": "time", "type": "temporal", "title": None},
        "y": {"field": "value", "type": "quantitative", "title": name},
        "color": _series(series, order, colours),
        "shape": _series(series, order),
        "tooltip": _tooltip(
            ("series", "nominal", series), ("time", "temporal", "time"), ("value", "quantitative", name)
        ),
    }
    data = [{"time": time, "series": one, "value": value} for time, one, value in rows]
    return Chart(title, says, _spec(data, {"type": "line", "point": True}, encoding), ("time", series, name), rows)


def bars_by_name(
    title: str, says: str, rows: Sequence[tuple[str, float]], what: str, name: str = "documents", link: str = ""
) -> Chart:
    """Draw a bar for each name, in the order given."""
    encoding = {
        "y": {"field": "name", "type": "nominal", "title": None, "sort": None, "axis": {"labelLimit": 220}},
        "x": {"field": "value", "type": "quantitative", "title": name},
        "tooltip": _tooltip(("name", "nominal", what), ("value", "quantitative", name)),
    }
    data = [{"name": one, "value": value} for one, value in rows]
    spec = _spec(data, {"type": "bar"}, encoding, height={"step": 20})
    return Chart(title, says, spec, (what, name), rows, link)


def stacked_by_name(
    title: str,
    says: str,
    rows: Sequence[tuple[str, str, float]],
    what: str,
    series: str,
    name: str,
    order: Sequence[str],
    colours: Sequence[str] = (),
) -> Chart:
    """Draw a bar for each name, cut into series; `rows` have name, series and value.

    `colours` name the page's own, such as --good, one for each of `order`.
    """
    encoding = {
        "y": {"field": "name", "type": "nominal", "title": None, "sort": None, "axis": {"labelLimit": 220}},
        "x": {"field": "value", "type": "quantitative", "title": name},
        "color": _series(series, order, colours),
        "tooltip": _tooltip(("name", "nominal", what), ("series", "nominal", series), ("value", "quantitative", name)),
    }
    data = [{"name": one, "series": part, "value": value} for one, part, value in rows]
    spec = _spec(data, {"type": "bar"}, encoding, height={"step": 20})
    return Chart(title, says, spec, (what, series, name), rows)


def distribution(
    title: str,
    says: str,
    rows: Sequence[tuple[float, str, int]],
    width: float,
    *,
    series: str = "",
    rules: Iterable[tuple[str, float]] = (),
    name: str = "score",
    order: Sequence[str] = (),
    domain: Sequence[float] = (),
) -> Chart:
    """Draw how often values fall into bins of a width; `rows` have the bin's start, a series and a count.

    `rules` are values to mark, such as thresholds, with their names.
    """
    encoding: dict[str, Any] = {
        "x": {
            "field": "start",
            "type": "quantitative",
            "bin": {"binned": True, "step": width},
            "title": name,
            "axis": {"tickCount": 8},
            "scale": {"domain": list(domain)} if domain else {"zero": False},
        },
        "x2": {"field": "end"},
        "y": {"field": "count", "type": "quantitative", "title": "documents", "stack": None if series else "zero"},
        "tooltip": _tooltip(
            *([("series", "nominal", series)] if series else []),
            ("start", "quantitative", "from"),
            ("end", "quantitative", "to"),
            ("count", "quantitative", "documents"),
        ),
    }
    if series:
        encoding["color"] = _series(series, order)
        encoding["opacity"] = {"value": 0.6}
    data = [{"start": start, "end": start + width, "series": one, "count": count} for start, one, count in rows]
    layers: list[Spec] = [{"data": {"values": data}, "mark": {"type": "bar"}, "encoding": encoding}]
    marked = [{"value": value, "name": f"{label} {value:.3g}"} for label, value in rules]
    if marked:
        at = {"field": "value", "type": "quantitative"}
        layers.append(
            {
                "data": {"values": marked},
                "mark": {"type": "rule", "strokeWidth": 2, "strokeDash": [6, 3]},
                "encoding": {"x": at, "tooltip": {"field": "name"}},
            }
        )
        layers.append(
            {
                "data": {"values": marked},
                "mark": {"type": "text", "align": "left", "dx": 5, "y": 8},
                "encoding": {"x": at, "text": {"field": "name"}},
            }
        )
    spec = {"$schema": SCHEMA, "width": "container", "height": HEIGHT, "layer": layers}
    columns = ("from", *((series,) if series else ()), "documents")
    table = [(f"{start:.4g}", *((one,) if series else ()), count) for start, one, count in rows]
    return Chart(title, says, spec, columns, table)


def _spec(data: Sequence[Row], mark: Spec, encoding: Spec, height: Any = HEIGHT) -> Spec:
    return {
        "$schema": SCHEMA,
        "width": "container",
        "height": height,
        "data": {"values": data},
        "mark": mark,
        "encoding": encoding,
    }


def _series(title: str, order: Sequence[str], colours: Sequence[str] = ()) -> Spec:
    scale: dict[str, Any] = {"domain": list(order)} if order else {}
    if colours:
        scale["range"] = list(colours)
    return {"field": "series", "type": "nominal", "title": title} | ({"scale": scale} if scale else {})


def _tooltip(*fields: tuple[str, str, str]) -> list[Spec]:
    return [
        {"field": field, "type": kind, "title": title} | ({"format": ",.4~g"} if kind == "quantitative" else {})
        for field, kind, title in fields
    ]
