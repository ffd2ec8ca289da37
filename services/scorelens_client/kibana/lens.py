"""Charts of Lens: a table of columns, and how it is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from scorelens_client.kibana.columns import Column
from scorelens_client.kibana.lucene import PRODUCTION, query
from scorelens_client.kibana.saved import Json, reference
from scorelens_reading.kibana.ids import RECORDS, data_view_id

DATA, LINE = "data", "line"
AREA, BARS, ROWS, SHARES, CURVES = "area_stacked", "bar_stacked", "bar_horizontal", "bar_percentage_stacked", "line"
GOOD, BAD, QUIET, MARK = "#209280", "#cc5642", "#6092c0", "#bd271e"
_EVERY_AXIS: Final = {"x": True, "yLeft": True, "yRight": True}


@dataclass(frozen=True)
class Lens:
    """A chart: the columns of each layer, by id, what is drawn of them, and the records that are looked at."""

    type: str
    layers: Mapping[str, Mapping[str, Column]]
    visualization: Json
    lucene: str = PRODUCTION
    data_view: str = RECORDS

    def reading(self, data_view: str) -> Lens:
        """Return the chart of another data view, of all that it reads."""
        return replace(self, data_view=data_view, lucene="")

    def attributes(self, prefix: str) -> Json:
        """Return the chart as it stands within a dashboard, without a saved object of its own."""
        return {
            "title": "",
            "description": "",
            "type": "lens",
            "visualizationType": self.type,
            "references": self.references(prefix),
            "state": {
                "visualization": self.visualization,
                "query": query(self.lucene),
                "filters": [],
                "datasourceStates": {"formBased": {"layers": {name: _layer(one) for name, one in self.layers.items()}}},
                "internalReferences": [],
                "adHocDataViews": {},
            },
        }

    def references(self, prefix: str) -> list[Json]:
        """Return which data view each layer reads."""
        data_view = data_view_id(prefix, self.data_view)
        return [reference("index-pattern", data_view, f"indexpattern-datasource-layer-{name}") for name in self.layers]


def chart(
    series: str,
    x: Column,
    numbers: Sequence[Column],
    *,
    split: Column | None = None,
    line: Column | None = None,
    lucene: str = PRODUCTION,
) -> Lens:
    """Draw numbers over x, one series per value of `split`; `line` marks a value of x."""
    ys = {f"y{number}": one for number, one in enumerate(numbers, 1)}
    columns = ({"split": split} if split else {}) | {"x": x} | ys
    colors = [{"forAccessor": name, "color": one.color} for name, one in ys.items() if one.color]
    data: Json = {
        "layerId": DATA,
        "layerType": "data",
        "seriesType": series,
        "xAccessor": "x",
        "accessors": list(ys),
        "yConfig": colors,
    }
    layers: dict[str, Mapping[str, Column]] = {DATA: columns}
    drawn = [data | ({"splitAccessor": "split"} if split else {})]
    if line:
        layers[LINE] = {"mark": line}
        drawn.append(_mark())
    visualization = {
        "preferredSeriesType": series,
        "layers": drawn,
        "legend": {"isVisible": split is not None or len(ys) > 1, "position": "right"},
        "valueLabels": "hide",
        "fittingFunction": "None",
        "axisTitlesVisibilitySettings": {"x": series != ROWS and x.operation != "date_histogram"} | _sides(False),
        "tickLabelsVisibilitySettings": _EVERY_AXIS,
        "gridlinesVisibilitySettings": _EVERY_AXIS,
    }
    return Lens("lnsXY", layers, visualization, lucene)


def table(
    buckets: Sequence[Column],
    numbers: Sequence[Column],
    *,
    across: Column | None = None,
    rows: int = 10,
    lucene: str = PRODUCTION,
) -> Lens:
    """Show one row per bucket; the values of `across` stand side by side, each with its numbers."""
    ids = {f"row{number}": one for number, one in enumerate(buckets, 1)}
    ids |= {"across": across} if across else {}
    ids |= {f"number{number}": one for number, one in enumerate(numbers, 1)}
    columns = [
        {"columnId": name, "isTransposed": name == "across", "isMetric": not one.bucket} for name, one in ids.items()
    ]
    visualization: Json = {
        "layerId": DATA,
        "layerType": "data",
        "columns": columns,
        "paging": {"enabled": True, "size": rows},
    }
    return Lens("lnsDatatable", {DATA: ids}, visualization, lucene)


def figure(number: Column, lucene: str = PRODUCTION, color: str = QUIET) -> Lens:
    """Show one number in large type."""
    visualization = {"layerId": DATA, "layerType": "data", "metricAccessor": "number", "color": color, "showBar": False}
    return Lens("lnsMetric", {DATA: {"number": number}}, visualization, lucene)


def _layer(columns: Mapping[str, Column]) -> Json:
    first = next((name for name, one in columns.items() if not one.bucket), "")
    return {
        "columns": {name: one.to_lens(first) for name, one in columns.items()},
        "columnOrder": list(columns),
        "incompleteColumns": {},
        "sampling": 1,
        "ignoreGlobalFilters": False,
    }


def _mark() -> Json:
    style = {"axisMode": "bottom", "color": MARK, "lineWidth": 2, "lineStyle": "dashed", "fill": "none"}
    config = {"forAccessor": "mark", "textVisibility": True, "iconPosition": "auto", **style}
    return {"layerId": LINE, "layerType": "referenceLine", "accessors": ["mark"], "yConfig": [config]}


def _sides(shown: bool) -> Json:
    return {"yLeft": shown, "yRight": shown}
