"""A dashboard: its panels on the grid and the controls above them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from scorelens_client.kibana.controls import Control, control_group
from scorelens_client.kibana.panels import Panel, panel_json, places
from scorelens_client.kibana.saved import Json, saved_object, text
from scorelens_client.kibana.view import KibanaView
from scorelens_reading.kibana.ids import dashboard_id, object_id

_OPTIONS: Final = {
    "useMargins": True,
    "hidePanelTitles": False,
    "syncColors": True,
    "syncCursor": True,
    "syncTooltips": False,
}
_NOTHING: Final = {"query": {"language": "lucene", "query": ""}, "filter": []}


@dataclass(frozen=True)
class Dashboard:
    """One dashboard, by name: what it is for, what it opens with, and what people choose from."""

    name: str
    title: str
    purpose: str
    panels: tuple[Panel, ...]
    controls: tuple[Control, ...]
    since: str = "now-7d"

    def to_saved(self, view: KibanaView) -> Json:
        """Return the saved object."""
        ids = [object_id(view.prefix, "panel", f"{self.name}/{panel.title}") for panel in self.panels]
        standing = zip(ids, self.panels, places(self.panels), strict=True)
        made = [panel_json(view, *one) for one in standing]
        group, references = control_group(view, self.name, self.controls)
        attributes = {
            "title": f"{view.title_prefix}: {self.title}",
            "description": self.purpose,
            "panelsJSON": text([panel for panel, _ in made]),
            "optionsJSON": text(_OPTIONS),
            "controlGroupInput": group,
            "kibanaSavedObjectMeta": {"searchSourceJSON": text(_NOTHING)},
            "timeRestore": True,
            "timeFrom": self.since,
            "timeTo": "now",
            "refreshInterval": {"pause": True, "value": 60000},
            "version": 1,
        }
        references = [*(one for _, named in made for one in named), *references]
        return saved_object("dashboard", dashboard_id(view.prefix, self.name), attributes, references)
