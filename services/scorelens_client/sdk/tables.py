"""Scores, records and documents as tables: one row per document, per tag, or per term of a calculation.

Columns have the names that `scorelens export` gives them. Numbers are doubles, times microseconds in UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import chain
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

Row = Mapping[str, Any]
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
    schema = schema_of(kind, form, tags)
    return pyarrow("a table").Table.from_pylist(list(rows_of(kind, items, form, tags)), schema)


def batch_of(kind: type, items: Iterable[Item], form: Form, tags: Sequence[str]) -> pa.RecordBatch:
    """Return a record batch of items."""
    schema = schema_of(kind, form, tags)
    return pyarrow("a table").RecordBatch.from_pylist(list(rows_of(kind, items, form, tags)), schema)


def schema_of(kind: type, form: Form, tags: Sequence[str] = ()) -> pa.Schema:
    """Return the columns of a table, the same for any number of rows. Raises ScorelensError."""
    pa = pyarrow("a table")
    columns = COLUMNS[kind].get(form)
    if columns is None:
        raise ScorelensError(f"form: {form!r} is none of {', '.join(COLUMNS[kind])}")
    if isinstance(tags, str) or (tags and form != "documents"):
        raise ScorelensError('tags: must be a list of tags, and belongs to the form "documents"')
    types = _types()
    wide = [(f"score.{tag}", pa.float64()) for tag in dict.fromkeys(tags)]
    return pa.schema([(name, types[column]) for name, column in columns.items()] + wide)


def rows_of(kind: type, items: Iterable[Item], form: Form, tags: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of items."""
    make = _MAKERS[kind, form]
    rows = chain.from_iterable(map(make, items))
    if not tags:
        return rows
    return (row | wide for row, wide in ((row, _wide(item, tags)) for item in items for row in make(item)))  # type: ignore[operator]


def _wide(item: Any, tags: Sequence[str]) -> Row:
    found = {f"score.{score.tag}": score.probability for score in item.scores}
    return {name: found.get(name) for name in (f"score.{tag}" for tag in tags)}


def _score_documents(score: Score) -> Iterator[Row]:
    yield _score_head(score) | {"tags": score.tags, "error": score.error or None}  # type: ignore[operator]


def _record_documents(record: Record) -> Iterator[Row]:
    yield {
        **_record_head(record),
        **_fields(record.document),
        "tags": record.tags,
        "because": record.because,
        "flags": record.flags,
        "labels": [(name, _word(value)) for name, value in record.labels.items()],
        "trace_id": record.trace_id or None,
    }


def _document_rows(document: Document) -> Iterator[Row]:
    yield {"id": document.id, **_fields(document)}


def _tag_rows(head: Callable[[Any], Row]) -> Callable[[Any], Iterator[Row]]:
    def rows(scored: Scored) -> Iterator[Row]:
        own = head(scored)
        by_tag = {one.tag: one for one in scored.calculations}
        for score in scored.scores:
            one = by_tag.get(score.tag)
            yield {
                **own,
                "tag": score.tag,
                "tag_title": score.title,
                "tag_group": score.group or None,
                "probability": score.probability,
                "margin": score.margin,
                "threshold": score.threshold,
                "selected": score.selected,
                "explanation": one.explanation if one else None,
                "intercept": one.intercept if one else None,
                "remainder": one.remainder if one else None,
                "remainder_terms": one.remainder_terms if one else None,
            }

    return rows


def _term_rows(head: Callable[[Any], Row]) -> Callable[[Any], Iterator[Row]]:
    def rows(scored: Scored) -> Iterator[Row]:
        own = head(scored)
        for one in scored.calculations:
            for rank, term in enumerate(one.terms, 1):
                yield {
                    **own,
                    "tag": one.tag,
                    "rank": rank,
                    "feature": term.feature,
                    "value": term.value,
                    "coefficient": term.coefficient,
                    "contribution": term.contribution,
                }

    return rows


def _score_head(score: Score) -> Row:
    named = {"document_id": score.document_id, "model": score.model or None, "version": score.version or None}
    return {"place": score.place, **named}


def _record_head(record: Record) -> Row:
    return {
        "record_id": record.id,
        "time": record.time,
        "purpose": record.purpose,
        "document_id": record.document_id,
        "model": record.model or None,
        "version": record.version or None,
    }


def _fields(document: Document) -> Row:
    texts = ("kind", "title", "text", "language", "author", "source", "source_uri", "customer_id")
    published = document.published_time if document.HasField("published_time") else None
    return {
        **{name: getattr(document, name) or None for name in texts},
        "text": document.text,
        "audience": document.audience or None,
        "published_time": _moment(published),
        "events": [_event(event) for event in document.events],
        "attributes": sorted(document.attributes.items()),
    }


def _event(event: Any) -> Row:
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
    (Score, "scores"): _tag_rows(_score_head),
    (Score, "terms"): _term_rows(_score_head),
    (Record, "documents"): _record_documents,
    (Record, "scores"): _tag_rows(_record_head),
    (Record, "terms"): _term_rows(_record_head),
    (Document, "documents"): _document_rows,
}
