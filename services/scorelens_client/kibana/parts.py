"""What several dashboards share: links between them, and the tags of a group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from scorelens_client.kibana.columns import Column, terms
from scorelens_client.kibana.controls import Control
from scorelens_client.kibana.panels import Links, Panel
from scorelens_client.kibana.view import KibanaView

TITLES: Final[Mapping[str, str]] = {
    "overview": "Documents and tags",
    "model": "Models at work",
    "tags": "Scores by tag",
}
"""What people call the dashboards, by name."""

KIND: Final = Control("document.kind", "Kind")
TAG: Final = Control("tags", "Tag")
SOURCE: Final = Control("document.source", "Source")
MODEL: Final = Control("model.id", "Model")
VERSION: Final = Control("model.version", "Model version")
ENVIRONMENT: Final = Control("deployment.environment.name", "Environment")
DOCUMENT: Final = Control("document.id", "Document")

_PATTERNS: Final = {"brand": "brand_.*", "offer": "offer_.*"}
_MOST: Final = 20


def links() -> Panel:
    """Link all dashboards with each other."""
    return Panel("Dashboards", 48, 3, Links(TITLES))


def tags_of(view: KibanaView, group: str, label: str) -> Column:
    """Return the tags of a group as buckets, by name where the view has them, else by the way they are named."""
    named = view.of_group(group)
    chosen: dict[str, Any] = {"include": named} if named else {"pattern": _PATTERNS[group]}
    return terms("tags", label, _MOST, **chosen)
