"""What two stores have of the same span, side by side (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import orjson

from scorelens_store.contract import Label, Record
from scorelens_store.values import to_microseconds

TOGETHER: Final = 1_000
CHARACTERS: Final = 4_000_000
"""Records are taken together until there are so many of them, or their texts are so long."""

_Key = tuple[int, str]
Pair = tuple[Record | None, Record | None]


def pair(source: Iterable[Record], target: Iterable[Record]) -> Iterator[Pair]:
    """Yield each record of either side once, with its twin or None; both sides are by time and record id."""
    sources, targets = _keyed(source), _keyed(target)
    here, there = next(sources, None), next(targets, None)
    while here is not None or there is not None:
        if there is None or (here is not None and here[0] < there[0]):
            yield here[1] if here else None, None
            here = next(sources, None)
        elif here is None or there[0] < here[0]:
            yield None, there[1]
            there = next(targets, None)
        else:
            yield here[1], there[1]
            here, there = next(sources, None), next(targets, None)


def label_changes(record: Record, twin: Record) -> tuple[dict[str, Label], dict[str, Label]]:
    """Return the labels of a record that its twin lacks, and those that the twin has with another value."""
    own, other = _labels(record), _labels(twin)
    missing = {name: value for name, value in own.items() if name not in other}
    different = {
        name: value for name, value in own.items() if name in other and orjson.dumps(value) != orjson.dumps(other[name])
    }
    return missing, different


def together(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Yield records in lists of bounded size."""
    some: list[Record] = []
    characters = 0
    for record in records:
        some.append(record)
        document = record.get("document")
        characters += len(document.get("text") or "") if isinstance(document, dict) else 0
        if len(some) == TOGETHER or characters >= CHARACTERS:
            yield some
            some, characters = [], 0
    if some:
        yield some


def _keyed(records: Iterable[Record]) -> Iterator[tuple[_Key, Record]]:
    for record in records:
        moment = datetime.fromisoformat(record["@timestamp"])
        yield (to_microseconds(moment), record["record"]["id"]), record


def _labels(record: Record) -> Mapping[str, Any]:
    found = record.get("labels")
    return found if isinstance(found, dict) else {}
