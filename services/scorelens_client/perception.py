"""Reach and brand perception, read off the records: who is talked about, to how many people, and how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from scorelens_client.terminal import clean
from scorelens_store.contract import Aggregation, Bucket, Reader, Selection, Statistics, Terms
from scorelens_store.fields import FIELDS
from scorelens_store.query.tree import Equals, Everything, Node

BRAND = "brand"
GOOD, BAD = "positive", "negative"
MOST_TAGS = 500
BAR = 20


@dataclass(frozen=True)
class Perception:
    """How one brand is seen: documents that mention it, people they reached, and how many speak well or ill."""

    title: str
    documents: int
    reach: int
    positive: int
    negative: int


def perception(reader: Reader) -> list[Perception]:
    """Return the brands of all records, the one with the widest reach first."""
    brands = _brands(reader)
    return sorted((_of(reader, tag, title) for tag, title in brands.items()), key=lambda one: -one.reach)


def print_perception(console: Console, brands: Sequence[Perception]) -> None:
    """Print one row per brand."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("brand")
    for name in ("documents", "people reached", "positive", "negative"):
        table.add_column(name, justify="right")
    table.add_column("")
    for one in brands:
        good, bad = (count / one.documents if one.documents else 0.0 for count in (one.positive, one.negative))
        bar = Text("█" * round(good * BAR), "green").append("█" * round(bad * BAR), "red")
        table.add_row(clean(one.title), f"{one.documents:,}", f"{one.reach:,}", f"{good:.0%}", f"{bad:.0%}", bar)
    console.print(table if brands else "no document mentions a brand")


def _brands(reader: Reader) -> dict[str, str]:
    found = _buckets(reader.aggregate(Selection(Everything()), {"tags": Terms("tags", MOST_TAGS)})["tags"])
    brands = {}
    for bucket in found:
        hits = reader.search(Selection(_tagged(bucket.key)), limit=1).hits
        record: Mapping[str, Any] = hits[0].record if hits else {}
        if (record.get("groups") or {}).get(bucket.key) == BRAND:
            brands[str(bucket.key)] = str((record.get("titles") or {}).get(bucket.key) or bucket.key)
    return brands


def _of(reader: Reader, tag: str, title: str) -> Perception:
    wanted: dict[str, Aggregation] = {"reach": Statistics("document.audience"), "tags": Terms("tags", MOST_TAGS)}
    found = reader.aggregate(Selection(_tagged(tag)), wanted)
    tags = {bucket.key: bucket.count for bucket in _buckets(found["tags"])}
    reach = found["reach"].get("sum", 0.0) if isinstance(found["reach"], Mapping) else 0.0
    return Perception(title, tags.get(tag, 0), int(reach), tags.get(GOOD, 0), tags.get(BAD, 0))


def _tagged(tag: str) -> Node:
    return Equals(FIELDS["tags"], tag)


def _buckets(result: Any) -> Iterable[Bucket]:
    return result if isinstance(result, Sequence) else ()
