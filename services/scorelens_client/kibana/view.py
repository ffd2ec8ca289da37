"""What the saved objects of Kibana are made for: one store, its tags, and where the console is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KibanaView:
    """The wishes behind one set of saved objects; equal views give equal objects.

    `prefix` names the alias that reads the records, as in the store's settings. `tags` get panels and searches of
    their own, in this order. `console_url` makes ids of documents and records links to the console, where it is not
    empty. `title_prefix` begins every title, so that several stores can be told apart in one space.
    """

    prefix: str = "scorelens"
    tags: tuple[str, ...] = ()
    console_url: str = ""
    title_prefix: str = "scorelens"
