"""What stands on a dashboard: charts, listings, words, and links to the other dashboards; and where each stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from scorelens_client.kibana.lens import Lens
from scorelens_client.kibana.saved import Json, reference
from scorelens_client.kibana.view import KibanaView
from scorelens_reading.kibana.ids import dashboard_id, search_id

WIDTH: Final = 48
"""Columns of Kibana's grid."""


@dataclass(frozen=True)
class Listing:
    """A saved search, by its name."""

    search: str


@dataclass(frozen=True)
class Words:
    """Text in Markdown."""

    markdown: str


@dataclass(frozen=True)
class Links:
    """Links to dashboards, their titles by name."""

    dashboards: Mapping[str, str]


@dataclass(frozen=True)
class Panel:
    """A part of a dashboard; titles differ within one, since the panel's id is made of its title."""

    title: str
    width: int
    height: int
    content: Lens | Listing | Words | Links


class Place(NamedTuple):
    """Where a panel stands: in columns from the left, and in rows from the top."""

    x: int
    y: int
    w: int
    h: int


def places(panels: Sequence[Panel]) -> list[Place]:
    """Set panels side by side until a line is full, and the next line below the highest of them."""
    found: list[Place] = []
    x = y = height = 0
    for panel in panels:
        if x + panel.width > WIDTH:
            x, y, height = 0, y + height, 0
        found.append(Place(x, y, panel.width, panel.height))
        x, height = x + panel.width, max(height, panel.height)
    return found


def panel_json(view: KibanaView, id: str, panel: Panel, place: Place) -> tuple[Json, list[Json]]:  # noqa: A002
    """Return a panel and the references of its dashboard by which it means other objects."""
    made, references = _content(view, panel.content)
    named = [one | {"name": f"{id}:{one['name'].format(id=id)}"} for one in references]
    if isinstance(panel.content, Listing):
        made = made | {"panelRefName": f"panel_{id}"}
    grid = place._asdict() | {"i": id}
    return made | {"title": panel.title, "panelIndex": id, "gridData": grid}, named


def _content(view: KibanaView, content: Lens | Listing | Words | Links) -> tuple[Json, list[Json]]:
    match content:
        case Lens():
            made = {"attributes": content.attributes(view.prefix), "enhancements": {}}
            return {"type": "lens", "embeddableConfig": made}, content.references(view.prefix)
        case Listing():
            target = reference("search", search_id(view.prefix, content.search), "panel_{id}")
            return {"type": "search", "embeddableConfig": {"enhancements": {}}}, [target]
        case Words():
            return {"type": "visualization", "embeddableConfig": _markdown(content.markdown)}, []
        case Links():
            return _links(view, content)


def _markdown(markdown: str) -> Json:
    source = {"query": {"language": "lucene", "query": ""}, "filter": []}
    saved = {
        "id": "",
        "title": "",
        "description": "",
        "type": "markdown",
        "params": {"fontSize": 12, "openLinksInNewTab": False, "markdown": markdown},
        "uiState": {},
        "data": {"aggs": [], "searchSource": source},
    }
    return {"savedVis": saved, "enhancements": {}, "hidePanelTitles": True}


def _links(view: KibanaView, links: Links) -> tuple[Json, list[Json]]:
    targets = {dashboard_id(view.prefix, name): title for name, title in links.dashboards.items()}
    made = [
        {
            "id": target,
            "type": "dashboardLink",
            "label": title,
            "order": order,
            "destinationRefName": f"link_{target}_dashboard",
        }
        for order, (target, title) in enumerate(targets.items())
    ]
    config = {"attributes": {"title": "", "layout": "horizontal", "links": made}, "enhancements": {}}
    references = [reference("dashboard", target, f"link_{target}_dashboard") for target in targets]
    return {"type": "links", "embeddableConfig": config | {"hidePanelTitles": True}}, references
