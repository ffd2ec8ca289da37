"""Views of one's own: a listing with columns and charts of one's choice, as its form and its address say it (pure)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, urlencode

from scorelens_console.core.charts import Chart, bars_by_name, bars_over_time, distribution
from scorelens_console.core.counting import buckets
from scorelens_console.core.listing import Listing, read_listing
from scorelens_console.errors import BadRequestError
from scorelens_store.contract import Aggregation, Histogram, Reader, Record, Selection, Statistics, Terms
from scorelens_store.fields import Field, Type, find_field
from scorelens_store.values import from_microseconds, values_of

COLUMNS: Final = ("time", "kind", "text", "tag")
MOST_COLUMNS: Final = 20
MOST_CHARTS: Final = 12
LONGEST_TITLE: Final = 120
LONGEST: Final = 4_000
BINS: Final = 40
_STEPS: Final = (1.0, 2.0, 5.0)


@dataclass(frozen=True)
class Wish:
    """A chart that is wished for: counts by a field, in bins of a width where it is a number (0 chooses one)."""

    field: Field
    width: float = 0.0

    def __str__(self) -> str:
        return f"{self.field.name} by {self.width:g}" if self.width else self.field.name


@dataclass(frozen=True)
class View:
    """What is listed, which fields are columns, and what is counted."""

    title: str
    listing: Listing = field(default_factory=Listing)
    columns: Sequence[Field] = ()
    wishes: Sequence[Wish] = ()


def read_view(title: str, address: str, columns: str, charts: str) -> View:
    """Read what a form says: parameters of an address, columns by comma, a chart a line. Raises BadRequestError."""
    title = " ".join(title.split())
    if not 1 <= len(title) <= LONGEST_TITLE:
        raise BadRequestError(f"title: give the view a name of at most {LONGEST_TITLE} characters")
    if max(map(len, (address, columns, charts))) > LONGEST:
        raise BadRequestError(f"a view has room for {LONGEST:,} characters of query, columns and charts each")
    names = [name.strip() for name in columns.replace("\n", ",").split(",") if name.strip()] or COLUMNS
    wishes = [_wish(line.strip()) for line in charts.splitlines() if line.strip()]
    if len(names) > MOST_COLUMNS or len(wishes) > MOST_CHARTS:
        raise BadRequestError(f"a view has at most {MOST_COLUMNS} columns and {MOST_CHARTS} charts")
    fields = [_field(name, "columns") for name in dict.fromkeys(names)]
    return View(title, read_listing(_Parameters(parse_qs(address))), fields, wishes)


def write_view(view: View) -> str:
    """Return a view as it is kept."""
    kept = {
        "address": urlencode(view.listing.parameters()),
        "columns": ", ".join(one.name for one in view.columns),
        "charts": "\n".join(map(str, view.wishes)),
    }
    return json.dumps(kept)


def kept_view(title: str, content: str) -> View:
    """Undo `write_view`."""
    kept = json.loads(content)
    return read_view(title, kept["address"], kept["columns"], kept["charts"])


def cells(view: View, record: Record) -> list[str]:
    """Return what a record has in each column, in words."""
    return [", ".join(_shown(one, value) for value in values_of(record, one)) for one in view.columns]


def charts(reader: Reader, view: View, selection: Selection, time: Aggregation) -> Iterable[Chart]:
    """Count what a view wishes for; `time` is a histogram over time."""
    for wish in view.wishes:
        name = wish.field.name
        match wish.field.type:
            case Type.KEYWORD | Type.BOOLEAN:
                found = reader.aggregate(selection, {"it": Terms(name, 20)})["it"]
                yield bars_by_name(
                    name, "documents by value", [(str(one.key), one.count) for one in buckets(found)], name
                )
            case Type.FLOAT | Type.INTEGER:
                width = wish.width or _width(reader, selection, name)
                found = reader.aggregate(selection, {"it": Histogram(name, width)})["it"]
                rows = [(float(one.key), "", one.count) for one in buckets(found)]
                yield distribution(name, f"documents in bins of {width:g}", rows, width, name=name)
            case _:
                found = reader.aggregate(selection, {"it": time})["it"]
                yield bars_over_time(name, "documents over time", [(str(one.key), one.count) for one in buckets(found)])


def _width(reader: Reader, selection: Selection, name: str) -> float:
    """Return a width of bins that divides the span of a field's values into about BINS."""
    found = reader.aggregate(selection, {"it": Statistics(name)})["it"]
    span = float(found["max"]) - float(found["min"]) if isinstance(found, Mapping) and found else 0.0
    if span <= 0:
        return 1.0
    size = 1.0
    while size * 10 <= span / BINS:
        size *= 10
    while size > span / BINS:
        size /= 10
    return max(step * size for step in _STEPS if step * size <= span / BINS)


def _wish(line: str) -> Wish:
    name, by, width = line.partition(" by ")
    try:
        size = float(width) if by else 0.0
    except ValueError:
        size = -1.0
    found = _field(name.strip(), "charts")
    if size < 0 or (by and not 0 < size < float("inf")):
        raise BadRequestError(f"charts: {line!r} is not FIELD, or FIELD by WIDTH with a width above zero")
    if found.type is Type.TEXT:
        raise BadRequestError(f"charts: {name} is text, which is not counted by value; take a keyword, number or time")
    if found.type is Type.DATE and found.name != "@timestamp":
        raise BadRequestError(f"charts: {name} is a time; only time itself (`time`) is drawn")
    return Wish(found, size)


def _field(name: str, where: str) -> Field:
    found = find_field(name)
    if found is None:
        raise BadRequestError(f"{where}: there is no field {name!r}; the language of queries names them")
    return found


def _shown(one: Field, value: Any) -> str:
    if one.type is Type.DATE:
        return from_microseconds(int(value)).isoformat(sep=" ", timespec="seconds").removesuffix("+00:00")
    return f"{value:.4g}" if isinstance(value, float) else str(value)


class _Parameters:
    """Parameters of an address that was kept."""

    def __init__(self, found: Mapping[str, list[str]]) -> None:
        self._found = found

    def get(self, key: str, default: str, /) -> str:
        return self._found.get(key, [default])[-1]

    def getlist(self, key: Any, /) -> list[str]:
        return self._found.get(key, [])
