"""What the saved objects of Kibana are made for: one store, its tags, and where the console is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

THRESHOLD: Final = 0.5
"""Threshold of a tag whose records were not looked at."""

_NAMED: Final = {"positive": "sentiment", "negative": "sentiment"}
_BEGINNINGS: Final = {"brand_": "brand", "offer_": "offer"}


@dataclass(frozen=True)
class KibanaView:
    """The wishes behind one set of saved objects; equal views give equal objects.

    `prefix` names the alias that reads the records, as in the store's settings. `tags` get panels and searches of
    their own, in this order; `groups`, `titles` and `thresholds` say what is known of them, see `tags.read_view`.
    `console_url` makes ids of documents and records links to the console, where it is not empty. `title_prefix`
    begins every title, so that several stores can be told apart in one space.
    """

    prefix: str = "scorelens"
    tags: tuple[str, ...] = ()
    console_url: str = ""
    title_prefix: str = "scorelens"
    groups: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)

    def group(self, tag: str) -> str:
        """Return a tag's group; of one that is not known, what the reference models' way of naming says."""
        named = next((group for beginning, group in _BEGINNINGS.items() if tag.startswith(beginning)), "")
        return self.groups.get(tag) or _NAMED.get(tag) or named

    def of_group(self, group: str) -> tuple[str, ...]:
        """Return the tags of a group."""
        return tuple(tag for tag in self.tags if self.group(tag) == group)

    def title(self, tag: str) -> str:
        """Return what people call a tag."""
        return self.titles.get(tag) or tag

    def threshold(self, tag: str) -> float:
        """Return the threshold that a tag was given by last."""
        return self.thresholds.get(tag, THRESHOLD)
