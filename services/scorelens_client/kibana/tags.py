"""What a store knows of the tags of its models: the newest record of each model version names all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from scorelens_client.kibana.view import KibanaView
from scorelens_store.contract import AggregationResult, Reader, Record, Selection, Sort, Terms
from scorelens_store.fields import FIELDS
from scorelens_store.query.tree import Equals, Everything

MOST: Final = 50
"""Tags that get panels of their own where none were named: those given most often come first."""

_MODELS: Final = 20
_COUNTED: Final = 1000


def read_view(reader: Reader, view: KibanaView) -> KibanaView:
    """Return the view with what the store knows of tags; which ones, it keeps where some were named.

    Raises StoreUnavailableError.
    """
    records = list(_newest(reader))
    known = _together(records, "threshold")
    return replace(
        view,
        tags=view.tags or _chosen(reader, known),
        groups=_together(records, "groups") | dict(view.groups),
        titles=_together(records, "titles") | dict(view.titles),
        thresholds=known | dict(view.thresholds),
    )


def _newest(reader: Reader) -> Iterator[Record]:
    """Yield the newest record of each model, the model of the oldest of them first."""
    models = _values(reader.aggregate(Selection(Everything()), {"models": Terms("model.id", _MODELS)})["models"])
    found = [
        hit.record
        for model in models
        for hit in reader.search(Selection(Equals(FIELDS["model.id"], model)), limit=1, sort=Sort("@timestamp")).hits
    ]
    yield from sorted(found, key=lambda record: str(record["@timestamp"]))


def _together(records: Sequence[Record], name: str) -> dict[str, Any]:
    """Return one object of all records together; the newest says what a tag of several models is like."""
    found: dict[str, Any] = {}
    for record in records:
        found |= record.get(name) or {}
    return found


def _chosen(reader: Reader, known: Mapping[str, Any]) -> tuple[str, ...]:
    given = _values(reader.aggregate(Selection(Everything()), {"tags": Terms("tags", _COUNTED)})["tags"])
    return tuple(dict.fromkeys((*given, *sorted(known))))[:MOST]


def _values(result: AggregationResult) -> list[str]:
    return [str(bucket.key) for bucket in result] if isinstance(result, Sequence) else []
