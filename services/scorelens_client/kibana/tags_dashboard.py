"""The data scientist's other dashboard: a line of charts for each tag."""

from __future__ import annotations

from typing import Final

from scorelens_client.kibana.dashboard import Dashboard
from scorelens_client.kibana.panels import Panel, Words
from scorelens_client.kibana.parts import KIND, MODEL, SOURCE, TITLES, VERSION, links
from scorelens_client.kibana.tag_panels import distribution_by_version, kinds, leading_terms, means
from scorelens_client.kibana.view import KibanaView

_HELP: Final = (
    "One line per tag: its scores by model version with the threshold in force, the mean score over time, the terms "
    "that most often led to it, and where it was given. A bar of scores close to the line is a bar of doubt."
)
_NO_TAGS: Final = "No tags were named when these objects were made. Make them again with `--tag` or `--store`."
_HEIGHT: Final = 11


def tags_dashboard(view: KibanaView) -> Dashboard:
    """Return the dashboard that compares tags, and versions within each."""
    words = Panel("How to read this", 48, 4, Words(_HELP if view.tags else _NO_TAGS))
    lines = [panel for tag in view.tags for panel in _line(view, tag)]
    return Dashboard(
        "tags",
        TITLES["tags"],
        "For each tag: scores by model version, mean over time, leading terms, kinds.",
        (links(), words, *lines),
        (MODEL, VERSION, KIND, SOURCE),
    )


def _line(view: KibanaView, tag: str) -> list[Panel]:
    return [
        Panel(f"{tag}: scores", 12, _HEIGHT, distribution_by_version(view, tag)),
        Panel(f"{tag}: mean score", 12, _HEIGHT, means(view, tag)),
        Panel(f"{tag}: leading terms", 12, _HEIGHT, leading_terms(tag)),
        Panel(f"{tag}: documents by kind", 12, _HEIGHT, kinds(tag)),
    ]
