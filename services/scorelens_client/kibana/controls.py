"""Controls above a dashboard: lists from which people choose values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scorelens_client.kibana.saved import Json, reference, text
from scorelens_client.kibana.view import KibanaView
from scorelens_reading.kibana.ids import data_view_id, object_id


@dataclass(frozen=True)
class Control:
    """A list of the values of a keyword field, with a search box."""

    field: str
    title: str


def control_group(view: KibanaView, dashboard: str, controls: Sequence[Control]) -> tuple[Json, list[Json]]:
    """Return the controls of a dashboard and their references; each narrows those to its right."""
    ids = [object_id(view.prefix, "control", f"{dashboard}/{control.field}") for control in controls]
    panels = {
        name: {
            "type": "optionsListControl",
            "order": order,
            "width": "medium",
            "grow": True,
            "explicitInput": {"id": name, "fieldName": control.field, "title": control.title, "enhancements": {}},
        }
        for order, (name, control) in enumerate(zip(ids, controls, strict=True))
    }
    parent = dict.fromkeys(("ignoreFilters", "ignoreQuery", "ignoreTimerange", "ignoreValidations"), False)
    group = {
        "controlStyle": "oneLine",
        "chainingSystem": "HIERARCHICAL",
        "showApplySelections": False,
        "ignoreParentSettingsJSON": text(parent),
        "panelsJSON": text(panels),
    }
    names = [f"controlGroup_{name}:optionsListDataView" for name in ids]
    return group, [reference("index-pattern", data_view_id(view.prefix), name) for name in names]
