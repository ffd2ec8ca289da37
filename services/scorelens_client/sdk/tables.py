"""Results of the SDK as tables: one row per document, per tag, or per term of a calculation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from scorelens.v1.scorer_pb2 import Document
from scorelens_client.sdk.records import Record
from scorelens_client.sdk.scores import Score
from scorelens_reading.extras import pyarrow
from scorelens_reading.tables import arrow, columns, rows
from scorelens_reading.tables.arrow import BATCH_CHARACTERS, ITEMS_TOGETHER
from scorelens_reading.tables.columns import FORMS, MODEL, TAG, TERM, Columns, Form, Row

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "BATCH_CHARACTERS",
    "COLUMNS",
    "FORMS",
    "ITEMS_TOGETHER",
    "Form",
    "batches_of",
    "columns_of",
    "rows_of",
    "schema_of",
    "table_of",
    "table_of_rows",
]

Item = Score | Record | Document

_OF_SCORE: Final = {"place": "whole", **MODEL}

COLUMNS: Final[Mapping[type, Mapping[Form, Columns]]] = {
    Score: {
        "documents": {**_OF_SCORE, "tags": "texts", "error": "text"},
        "scores": {**_OF_SCORE, **TAG},
        "terms": {**_OF_SCORE, **TERM},
    },
    Record: columns.RECORD,
    Document: {"documents": {"id": "text", **columns.FIELDS}},
}
"""Name and kind of each column, by what the rows are made of and the form of the table."""


def table_of(kind: type, items: Iterable[Item], form: Form = "documents", tags: Sequence[str] = ()) -> pa.Table:
    """Return a table of items; `tags` adds columns `score.TAG` to the documents. Raises ScorelensError."""
    schema = schema_of(kind, form, tags)
    return pyarrow("a table").Table.from_batches([arrow.batch_of(schema, rows_of(kind, items, form, tags))])


def batches_of(
    kind: type, items: Iterable[Item], form: Form, tags: Sequence[str] = (), size: int = ITEMS_TOGETHER
) -> Iterator[pa.RecordBatch]:
    """Yield record batches of at most so many items each, of fewer where texts are long; at least one, maybe empty."""
    make: Callable[[Any], Iterator[Row]] = partial(rows_of, kind, form=form, tags=tags)
    return arrow.batches_of(schema_of(kind, form, tags), items, make, size)


def table_of_rows(named: Columns, cells: Iterable[Row]) -> pa.Table:
    """Return a table of rows whose cells are in the order of the columns: names, and the kinds of their values."""
    return pyarrow("a table").Table.from_batches([arrow.batch_of(arrow.schema_of(named), cells)])


def schema_of(kind: type, form: Form, tags: Sequence[str] = ()) -> pa.Schema:
    """Return the columns of a table, the same for any number of rows. Raises ScorelensError."""
    return arrow.schema_of(columns_of(kind, form, tags))


def columns_of(kind: type, form: Form, tags: Sequence[str] = ()) -> Columns:
    """Return the names of a table's columns and the kinds of their values. Raises ScorelensError."""
    return columns.columns_of(COLUMNS[kind], form, tags)


def rows_of(kind: type, items: Iterable[Any], form: Form, tags: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of items, with their cells in the order of the columns."""
    return rows.rows_by(_MAKERS[kind, form], items, tags)


def _score_documents(score: Score) -> Iterator[Row]:
    yield (*_score_head(score), score.tags, score.error or None)


def _document_rows(document: Document) -> Iterator[Row]:
    yield (document.id, *_fields(document))


def _score_whys(score: Score) -> Mapping[str, Row]:
    return {one.tag: (one.explanation, one.intercept, one.remainder, one.remainder_terms) for one in score.calculations}


def _score_head(score: Score) -> Row:
    return score.place, score.document_id, score.model or None, score.version or None


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


def _event(event: Any) -> Mapping[str, Any]:
    return {
        **{name: getattr(event, name) or None for name in ("type", "currency", "product", "text")},
        "time": _moment(event.time if event.HasField("time") else None),
        "amount": event.amount,
        "balance": event.balance if event.HasField("balance") else None,
    }


def _moment(time: Any) -> datetime | None:
    return None if time is None else time.ToDatetime(tzinfo=UTC)


_MAKERS: Final[Mapping[tuple[type, Form], Callable[[Any], Iterator[Row]]]] = {
    (Score, "documents"): _score_documents,
    (Score, "scores"): rows.tag_rows(_score_head, _score_whys),
    (Score, "terms"): rows.term_rows(_score_head),
    **{(Record, form): make for form, make in rows.MAKERS.items()},
    (Document, "documents"): _document_rows,
}
