"""Stored records as rows of tables (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain, zip_longest
from typing import Any, Final, Protocol

from scorelens_reading.calculation import Calculation
from scorelens_reading.stored import Stored, TagScore
from scorelens_reading.tables.columns import WHY, Form, Row

_NO_WHY: Final = (None,) * len(WHY)


class Scored(Protocol):
    """Whatever has tags with probabilities, and calculations."""

    @property
    def scores(self) -> Sequence[TagScore]:
        """All tags."""
        ...

    @property
    def calculations(self) -> Sequence[Calculation]:
        """The calculation of each tag."""
        ...


def rows_by(make: Callable[[Any], Iterator[Row]], items: Iterable[Scored], tags: Sequence[str] = ()) -> Iterator[Row]:
    """Yield the rows that each item makes, with the probability of some tags as further cells."""
    wanted = tuple(dict.fromkeys(tags))
    if not wanted:
        return chain.from_iterable(map(make, items))
    return ((*row, *_wide(item, wanted)) for item in items for row in make(item))


def documents(record: Stored) -> Iterator[Row]:
    """Yield the row of a document."""
    labels = [(name, _word(value)) for name, value in record.labels.items()]
    found = (record.tags, record.because, record.flags, labels, record.trace_id or None)
    yield (*_head(record), *_fields(record.raw), *found)


def tag_rows(head: Callable[[Any], Row], whys: Callable[[Any], Mapping[str, Row]]) -> Callable[[Any], Iterator[Row]]:
    """Return what makes a row of each tag, after the cells of its head; `whys` are the cells of WHY by tag."""

    def rows(scored: Scored) -> Iterator[Row]:
        own, why = head(scored), whys(scored)
        for score in scored.scores:
            said = (score.probability, score.margin, score.threshold, score.selected)
            yield (*own, score.tag, score.title, score.group or None, *said, *why.get(score.tag, _NO_WHY))

    return rows


def term_rows(head: Callable[[Any], Row]) -> Callable[[Any], Iterator[Row]]:
    """Return what makes a row of each term of each tag."""

    def rows(scored: Scored) -> Iterator[Row]:
        own = head(scored)
        for one in scored.calculations:
            for rank, term in enumerate(one.terms, 1):
                yield (*own, one.tag, rank, term.feature, term.value, term.coefficient, term.contribution)

    return rows


def _wide(item: Scored, tags: Sequence[str]) -> Row:
    found = {score.tag: score.probability for score in item.scores}
    return tuple(map(found.get, tags))


def _head(record: Stored) -> Row:
    model = (record.model or None, record.version or None)
    return record.id, record.time, record.purpose, record.document_id, *model


def _whys(record: Stored) -> Mapping[str, Row]:
    """Return what a record says of each calculation, without reading its terms."""
    return {part.get("tag"): tuple(map(part.get, WHY)) for part in record.raw.get("calculation") or ()}


def _fields(raw: Mapping[str, Any]) -> Row:
    document = raw.get("document") or {}
    texts = ("language", "author", "source", "source_uri")
    return (
        document.get("kind") or None,
        document.get("title") or None,
        document.get("text") or "",
        *(document.get(name) or None for name in texts),
        document.get("audience") or None,
        _moment(document.get("published_time")),
        (raw.get("customer") or {}).get("id") or None,
        _events(raw.get("activity") or {}),
        sorted((document.get("attributes") or {}).items()),
    )


def _events(activity: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    names = ("type", "currency", "product", "text", "time", "amount", "balance")
    rows = zip_longest(*(activity.get(name) or () for name in names))
    return [
        {
            **{name: text or None for name, text in zip(names, texts, strict=False)},
            "time": _moment(time),
            "amount": 0.0 if amount is None else amount,
            "balance": balance,
        }
        for *texts, time, amount, balance in rows
    ]


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def _word(value: str | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


MAKERS: Final[Mapping[Form, Callable[[Any], Iterator[Row]]]] = {
    "documents": documents,
    "scores": tag_rows(_head, _whys),
    "terms": term_rows(_head),
}
"""What makes the rows of a stored record, by the form of the table."""
