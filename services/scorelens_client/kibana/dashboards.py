"""The dashboards by name: one for the end user, two for the data scientist."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from scorelens_client.kibana.dashboard import Dashboard
from scorelens_client.kibana.model_dashboard import model_dashboard
from scorelens_client.kibana.overview_dashboard import overview_dashboard
from scorelens_client.kibana.tags_dashboard import tags_dashboard
from scorelens_client.kibana.view import KibanaView

DASHBOARDS: Final[Mapping[str, Callable[[KibanaView], Dashboard]]] = {
    "overview": overview_dashboard,
    "model": model_dashboard,
    "tags": tags_dashboard,
}


def dashboards(view: KibanaView) -> list[Dashboard]:
    """Return all dashboards for a view."""
    return [make(view) for make in DASHBOARDS.values()]
