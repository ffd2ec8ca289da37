"""Results as tables: one row per document, per tag, or per term of a calculation.

Columns have the names that `scorelens export` gives them. Numbers are doubles, times microseconds in UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import chain, islice, zip_longest
from typing import TYPE_CHECKING, Any, Final, Literal

from scorelens.v1.scorer_pb2 import Document
from scorelens_client.sdk.errors import ScorelensError
from scorelens_client.sdk.extras import pyarrow
from scorelens_client.sdk.records import Record
from scorelens_client.sdk.scores import Score, Scored

if TYPE_CHECKING:
    import pyarrow as pa

Form = Literal["documents", "scores", "terms"]
FORMS: Final = ("documents", "scores", "terms")

ITEMS_TOGETHER: Final = 250
BATCH_CHARACTERS: Final = 8_000_000
"""Items of a record batch, and characters of their texts, from which on it is full."""

Row = tuple[Any, ...]
Item = Score | Record | Document

_OF_RECORD: Final = {"record_id": "text", "time": "time", "purpose": "text"}
_OF_SCORE: Final = {"place": "whole"}
_MODEL: Final = {"document_id": "text", "model": "text", "version": "text"}
_FIELDS: Final = {
    "kind": "text",
    "title": "text",
    "text": "text",
    "language": "text",
    "author": "text",
    "source": "text",
    "source_uri": "text",
    "audience": "whole",
    "published_time": "time",
    "customer_id": "text",
    "events": "events",
    "attributes": "words",
}
_FOUND: Final = {"tags": "texts", "because": "texts", "flags": "texts", "labels": "words", "trace_id": "text"}
_TAG: Final = {
    "tag": "text",
    "tag_title": "text",
    "tag_group": "text",
    "probability": "number",
    "margin": "number",
    "threshold": "number",
    "selected": "truth",
    "explanation": "text",
    "intercept": "number",
    "remainder": "number",
    "remainder_terms": "whole",
}
_WHY: Final = ("explanation", "intercept", "remainder", "remainder_terms")
_NO_WHY: Final = (None,) * len(_WHY)
_TERM: Final = {
    "tag": "text",
    "rank": "whole",
    "feature": "text",
    "value": "number",
    "coefficient": "number",
    "contribution": "number",
}

COLUMNS: Final[Mapping[type, Mapping[Form, Mapping[str, str]]]] = {
    Score: {
        "documents": _OF_SCORE | _MODEL | {"tags": "texts", "error": "text"},
        "scores": _OF_SCORE | _MODEL | _TAG,
        "terms": _OF_SCORE | _MODEL | _TERM,
    },
    Record: {
        "documents": _OF_RECORD | _MODEL | _FIELDS | _FOUND,
        "scores": _OF_RECORD | _MODEL | _TAG,
        "terms": _OF_RECORD | _MODEL | _TERM,
    },
    Document: {"documents": {"id": "text"} | _FIELDS},
}
"""Name and kind of each column, by what the rows are made of and the form of the table."""


def table_of(kind: type, items: Iterable[Item], form: Form = "documents", tags: Sequence[str] = ()) -> pa.Table:
    """Return a table of items; `tags` adds columns `score.TAG` to the documents. Raises ScorelensError."""
    return pyarrow("a table").Table.from_batches([batch_of(kind, items, form, tags)])


def batch_of(kind: type, items: Iterable[Item], form: Form, tags: Sequence[str]) -> pa.RecordBatch:
    """Return a record batch of items."""
    return _batch(schema_of(kind, form, tags), rows_of(kind, items, form, tags))


def batches_of(
    kind: type, items: Iterable[Item], form: Form, tags: Sequence[str] = (), size: int = ITEMS_TOGETHER
) -> Iterator[pa.RecordBatch]:
    """Yield record batches of at most so many items each, of fewer where texts are long; at least one, maybe empty."""
    waiting = iter(items)
    yield batch_of(kind, _some(waiting, size), form, tags)
    # Rows are made of one item at a time, so that memory holds what their columns need and not the items.
    for first in waiting:
        yield batch_of(kind, _some(chain((first,), waiting), size), form, tags)


def _some(items: Iterator[Item], size: int) -> Iterator[Item]:
    room = BATCH_CHARACTERS
    for item in islice(items, size):
        yield item
        room -= len(getattr(item, "text", ""))
        if room < 0:
            return


def table_of_rows(columns: Mapping[str, str], rows: Iterable[Row]) -> pa.Table:
    """Return a table of rows whose cells are in the order of the columns: names, and the kinds of their values."""
    pa = pyarrow("a table")
    schema = pa.schema([(name, _types()[kind]) for name, kind in columns.items()])
    return pa.Table.from_batches([_batch(schema, rows)])


def schema_of(kind: type, form: Form, tags: Sequence[str] = ()) -> pa.Schema:
    """Return the columns of a table, the same for any number of rows. Raises ScorelensError."""
    pa, columns = pyarrow("a table"), columns_of(kind, form, tags)
    types = _types()
    return pa.schema([(name, types[column]) for name, column in columns.items()])


def columns_of(kind: type, form: Form, tags: Sequence[str] = ()) -> Mapping[str, str]:
    """Return the names of a table's columns and the kinds of their values. Raises ScorelensError."""
    columns = COLUMNS[kind].get(form)
    if columns is None:
        raise ScorelensError(f"form: {form!r} is none of {', '.join(COLUMNS[kind])}")
    if isinstance(tags, str) or (tags and form != "documents"):
        raise ScorelensError('tags: must be a list of tags, and belongs to the form "documents"')
    return {**columns, **{f"score.{tag}": "number" for tag in tags}}


def rows_of(kind: type, items: Iterable[Item], form: Form, tags: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of items, with their cells in the order of the columns."""
    make = _MAKERS[kind, form]
    wanted = tuple(dict.fromkeys(tags))
    if not wanted:
        return chain.from_iterable(map(make, items))
    return ((*row, *_wide(item, wanted)) for item in items for row in make(item))


def _batch(schema: pa.Schema, rows: Iterable[Row]) -> pa.RecordBatch:
    pa = pyarrow("a table")
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _wide(item: Any, tags: Sequence[str]) -> Row:
    found = {score.tag: score.probability for score in item.scores}
    return tuple(map(found.get, tags))


def _score_documents(score: Score) -> Iterator[Row]:
    yield (*_score_head(score), score.tags, score.error or None)


def _record_documents(record: Record) -> Iterator[Row]:
    labels = [(name, _word(value)) for name, value in record.labels.items()]
    found = (record.tags, record.because, record.flags, labels, record.trace_id or None)
    yield (*_record_head(record), *_stored_fields(record.raw), *found)


def _document_rows(document: Document) -> Iterator[Row]:
    yield (document.id, *_fields(document))


def _tag_rows(head: Callable[[Any], Row], whys: Callable[[Any], Mapping[str, Row]]) -> Callable[[Any], Iterator[Row]]:
    def rows(scored: Scored) -> Iterator[Row]:
        own, why = head(scored), whys(scored)
        for score in scored.scores:
            said = (score.probability, score.margin, score.threshold, score.selected)
            yield (*own, score.tag, score.title, score.group or None, *said, *why.get(score.tag, _NO_WHY))

    return rows


def _score_whys(score: Score) -> Mapping[str, Row]:
    return {one.tag: (one.explanation, one.intercept, one.remainder, one.remainder_terms) for one in score.calculations}


def _record_whys(record: Record) -> Mapping[str, Row]:
    """Return what the columns of `_TAG` say of each calculation, without reading its terms."""
    return {part.get("tag"): tuple(map(part.get, _WHY)) for part in record.raw.get("calculation") or ()}


def _term_rows(head: Callable[[Any], Row]) -> Callable[[Any], Iterator[Row]]:
    def rows(scored: Scored) -> Iterator[Row]:
        own = head(scored)
        for one in scored.calculations:
            for rank, term in enumerate(one.terms, 1):
                yield (*own, one.tag, rank, term.feature, term.value, term.coefficient, term.contribution)

    return rows


def _score_head(score: Score) -> Row:
    return score.place, score.document_id, score.model or None, score.version or None


def _record_head(record: Record) -> Row:
    model = (record.model or None, record.version or None)
    return record.id, record.time, record.purpose, record.document_id, *model


def _fields(document: Document) -> Row:
    published = document.published_time if document.HasField("published_time") else None
    return (
        document.kind or None,
        document.title or None,
        document.text,
        document.language or None,
        document.author or None,
        document.source or None,
        document.source_uri or None,
        document.audience or None,
        _moment(published),
        document.customer_id or None,
        [_event(event) for event in document.events],
        sorted(document.attributes.items()),
    )


def _stored_fields(raw: Mapping[str, Any]) -> Row:
    """Return what `_fields` returns of the record's document, without making one."""
    document = raw.get("document") or {}
    texts = ("language", "author", "source", "source_uri")
    return (
        document.get("kind") or None,
        document.get("title") or None,
        document.get("text") or "",
        *(document.get(name) or None for name in texts),
        document.get("audience") or None,
        _stored_moment(document.get("published_time")),
        (raw.get("customer") or {}).get("id") or None,
        _stored_events(raw.get("activity") or {}),
        sorted((document.get("attributes") or {}).items()),
    )


def _stored_events(activity: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    names = ("type", "currency", "product", "text", "time", "amount", "balance")
    rows = zip_longest(*(activity.get(name) or () for name in names))
    return [
        {
            **{name: text or None for name, text in zip(names, texts, strict=False)},
            "time": _stored_moment(time),
            "amount": 0.0 if amount is None else amount,
            "balance": balance,
        }
        for *texts, time, amount, balance in rows
    ]


def _stored_moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def _event(event: Any) -> Mapping[str, Any]:
    return {
        **{name: getattr(event, name) or None for name in ("type", "currency", "product", "text")},
        "time": _moment(event.time if event.HasField("time") else None),
        "amount": event.amount,
        "balance": event.balance if event.HasField("balance") else None,
    }


def _moment(time: Any) -> datetime | None:
    return None if time is None else time.ToDatetime(tzinfo=UTC)


def _word(value: str | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@cache
def _types() -> Mapping[str, Any]:
    pa = pyarrow("a table")
    time, word = pa.timestamp("us", tz="UTC"), pa.string()
    event = [("type", word), ("time", time), ("amount", pa.float64()), ("currency", word)]
    event += [("balance", pa.float64()), ("product", word), ("text", word)]
    return {
        "text": word,
        "texts": pa.list_(word),
        "words": pa.map_(word, word),
        "whole": pa.int64(),
        "number": pa.float64(),
        "truth": pa.bool_(),
        "time": time,
        "events": pa.list_(pa.struct(event)),
    }


_MAKERS: Final[Mapping[tuple[type, Form], Callable[[Any], Iterator[Row]]]] = {
    (Score, "documents"): _score_documents,
    (Score, "scores"): _tag_rows(_score_head, _score_whys),
    (Score, "terms"): _term_rows(_score_head),
    (Record, "documents"): _record_documents,
    (Record, "scores"): _tag_rows(_record_head, _record_whys),
    (Record, "terms"): _term_rows(_record_head),
    (Document, "documents"): _document_rows,
}
