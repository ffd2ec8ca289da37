"""A customer's events as people read them (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from scorelens_store.contract import Record

MOST: Final = 200
"""Events that a page shows, the latest ones."""
_COLUMNS: Final = ("type", "time", "amount", "currency", "balance", "product", "text")


@dataclass(frozen=True)
class Event:
    """One event; what is empty was not said."""

    type: str = ""
    time: str = ""
    amount: float | None = None
    currency: str = ""
    balance: float | None = None
    product: str = ""
    text: str = ""


@dataclass(frozen=True)
class Activity:
    """The latest events, the newest first, how many there are in all, and which columns have anything in them."""

    events: Sequence[Event]
    total: int
    columns: Sequence[str]


def activity_of(record: Record, most: int = MOST) -> Activity:
    """Return the events of a record."""
    columns: dict[str, list[Any]] = {name: (record.get("activity") or {}).get(name) or [] for name in _COLUMNS}
    total = max(map(len, columns.values()))
    rows = ({name: cells[at] for name, cells in columns.items() if at < len(cells)} for at in range(total))
    events = sorted((Event(**_said(row)) for row in rows), key=_time, reverse=True)[:most]
    return Activity(events, total, [name for name in _COLUMNS if any(_is_said(event, name) for event in events)])


def summary_of(record: Record) -> str:
    """Return a line on a customer's events: how many, and which are the most frequent."""
    types = [str(kind) for kind in (record.get("activity") or {}).get("type") or ()]
    if not types:
        return ""
    kinds = ", ".join(kind.replace("_", " ") for kind, _ in Counter(filter(None, types)).most_common(4))
    return f"{len(types):,} event{'' if len(types) == 1 else 's'}: {kinds}"


def _said(row: dict[str, Any]) -> dict[str, Any]:
    return {name: cell for name, cell in row.items() if cell not in (None, "")}


def _is_said(event: Event, name: str) -> bool:
    return getattr(event, name) not in (None, "") and not (name == "amount" and event.amount == 0)


def _time(event: Event) -> float:
    try:
        return datetime.fromisoformat(event.time).timestamp()
    except ValueError:
        return 0.0
