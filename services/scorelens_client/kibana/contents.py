"""What the saved objects hold, for people: one row per data view, search, dashboard and panel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from scorelens_client.kibana.dashboards import dashboards
from scorelens_client.kibana.lens import Lens
from scorelens_client.kibana.panels import Links, Listing, Panel
from scorelens_client.kibana.searches import searches
from scorelens_client.kibana.view import KibanaView
from scorelens_reading.kibana.ids import LETTERS, dashboard_id, data_view_id, search_id
from scorelens_store.elasticsearch.dead_letters import dead_letters_name

_CHARTS = {"lnsXY": "chart", "lnsDatatable": "table", "lnsMetric": "figure"}


class Row(NamedTuple):
    """One thing that Kibana will show: its kind, the dashboard that it stands on, its name there, what it shows."""

    kind: str
    dashboard: str
    title: str
    shows: str
    id: str


def contents(view: KibanaView) -> Iterator[Row]:
    """Yield everything that a view's objects hold, in the order of the file."""
    yield Row("data view", "", f"{view.title_prefix}: records", view.prefix, data_view_id(view.prefix))
    name = dead_letters_name(view.prefix)
    yield Row("data view", "", f"{view.title_prefix}: dead letters", name, data_view_id(view.prefix, LETTERS))
    for search in searches(view):
        title = f"{view.title_prefix}: {search.title}"
        yield Row("search", "", title, search.lucene or "all", search_id(view.prefix, search.name))
    for dashboard in dashboards(view):
        title = f"{view.title_prefix}: {dashboard.title}"
        yield Row("dashboard", "", title, dashboard.purpose, dashboard_id(view.prefix, dashboard.name))
        for control in dashboard.controls:
            yield Row("control", dashboard.title, control.title, control.field, "")
        for panel in dashboard.panels:
            yield Row(*_panel(dashboard.title, panel), "")


def _panel(dashboard: str, panel: Panel) -> tuple[str, str, str, str]:
    match panel.content:
        case Lens() as lens:
            return _CHARTS[lens.type], dashboard, panel.title, _columns(lens)
        case Listing(search):
            return "listing", dashboard, panel.title, f"search {search}"
        case Links(targets):
            return "links", dashboard, panel.title, ", ".join(targets.values())
        case _:
            return "text", dashboard, panel.title, ""


def _columns(lens: Lens) -> str:
    return ", ".join(column.label for columns in lens.layers.values() for column in columns.values())
