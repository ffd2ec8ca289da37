"""All saved objects for a view, as Kibana imports them."""

from __future__ import annotations

from collections.abc import Iterable

from scorelens_client.kibana.dashboards import dashboards
from scorelens_client.kibana.dataview import data_view, letters_view
from scorelens_client.kibana.saved import Json, text
from scorelens_client.kibana.searches import searches
from scorelens_client.kibana.view import KibanaView


def saved_objects(view: KibanaView) -> list[Json]:
    """Return the data view, the saved searches and the dashboards, each after what it refers to."""
    listings = [search.to_saved(view) for search in searches(view)]
    return [
        data_view(view),
        letters_view(view),
        *listings,
        *(dashboard.to_saved(view) for dashboard in dashboards(view)),
    ]


def to_ndjson(objects: Iterable[Json]) -> bytes:
    """Return one object per line; equal objects give equal bytes."""
    return b"".join(text(one).encode() + b"\n" for one in objects)
