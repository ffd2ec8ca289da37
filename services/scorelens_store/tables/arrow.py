"""Rows as Arrow tables, and back (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from scorelens_store.tables.columns import SCHEMAS, SCORES_SHARE, TERM, TERMS_SHARE, TERMS_SHARE_SCORES
from scorelens_store.tables.rows import Row, Rows, Terms


class Tables(NamedTuple):
    """The three tables of some records; rows of one record stand together, records in the same order in each."""

    documents: pa.Table
    scores: pa.Table
    terms: pa.Table

    @property
    def nbytes(self) -> int:
        """Return how much memory they take."""
        return sum(table.nbytes for table in self)


def tables_of(rows: Sequence[Rows]) -> Tables:
    """Return the tables of records' rows."""
    documents = _table("documents", [record.document for record in rows], {})
    of_score = [place for place, record in enumerate(rows) for _ in record.scores]
    shared = _taken(documents, SCORES_SHARE, of_score)
    scores = _table("scores", [row for record in rows for row in record.scores], shared)
    terms = [of_tag for record in rows for of_tag in record.terms]
    counts = [len(of_tag.feature) for of_tag in terms]
    of_term = [place for place, count in enumerate(counts) for _ in range(count)]
    columns = {
        **_taken(scores, (*TERMS_SHARE, *TERMS_SHARE_SCORES), of_term),
        "rank": pa.array([rank for count in counts for rank in range(1, count + 1)], pa.int32()),
        **{
            name: _array([value for of_tag in terms for value in of_tag[place]], kind)
            for place, (name, kind) in enumerate(TERM.items())
        },
    }
    schema = SCHEMAS["terms"]
    return Tables(documents, scores, pa.table([columns[name] for name in schema.names], schema=schema))


def rows_in(tables: Tables) -> Iterator[Rows]:
    """Yield the rows of each record; undoes `tables_of`."""
    scores = _rows(tables.scores)
    lists = [_values(tables.terms.column(name)) for name in TERM]
    start = 0
    for document in _rows(tables.documents):
        own = list(islice(scores, document["tag_count"]))
        terms = []
        for row in own:
            end = start + row["term_count"]
            terms.append(Terms(*(values[start:end] for values in lists)))
            start = end
        yield Rows(document, own, terms)


def is_aligned(tables: Tables) -> bool:
    """Tell whether scores and terms are those of the documents, in their order."""
    documents, scores, terms = tables
    return _follows(documents, "tag_count", scores) and _follows(scores, "term_count", terms)


def without(tables: Tables, record_ids: set[str]) -> Tables:
    """Return the tables without the rows of some records."""
    gone = pa.array(sorted(record_ids), pa.string())
    return Tables(*(table.filter(pc.invert(_among(table.column("record_id"), gone))) for table in tables))


def _among(column: pa.ChunkedArray, values: pa.Array) -> pa.ChunkedArray:
    return pc.is_in(column.cast(pa.string()), value_set=values)


def _follows(leader: pa.Table, count: str, table: pa.Table) -> bool:
    counts = leader.column(count).to_pylist()
    places = [place for place, number in enumerate(counts) for _ in range(number)]
    due = leader.column("record_id").cast(pa.string()).take(pa.array(places, pa.int32()))
    return bool(due.equals(table.column("record_id").cast(pa.string())))


def _table(name: str, rows: Sequence[Row], shared: Mapping[str, pa.Array]) -> pa.Table:
    schema = SCHEMAS[name]
    columns = [
        shared[field.name] if field.name in shared else _array([row[field.name] for row in rows], field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _taken(table: pa.Table, names: Sequence[str], places: Sequence[int]) -> dict[str, pa.Array]:
    index = pa.array(places, pa.int32())
    return {name: _words(table.column(name).combine_chunks()).take(index) for name in names}


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(kind):
        return pa.array(values, pa.int64()).cast(kind)
    if pa.types.is_dictionary(kind):
        return pa.array(values, kind.value_type).dictionary_encode()
    return pa.array(values, kind)


def _words(column: pa.Array) -> pa.Array:
    return column.dictionary_encode() if column.type == pa.string() else column


def _rows(table: pa.Table) -> Iterator[Row]:
    names = table.schema.names
    columns = [_values(table.column(name)) for name in names]
    return (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))


def _values(column: pa.ChunkedArray) -> list[Any]:
    """Return a column's values, times as microseconds.

    Terms make columns long, and Arrow makes an object of its own for each value on the way to Python's: numbers are
    read from its memory instead, and each word once.
    """
    array = column.combine_chunks()
    if isinstance(array, pa.DictionaryArray):
        words = array.dictionary.to_pylist()
        return [None if place is None else words[place] for place in _numbers(array.indices)]
    if pa.types.is_timestamp(array.type):
        return _numbers(array.cast(pa.int64()))
    return _numbers(array) if array.type in _FORMATS else list(array.to_pylist())


def _numbers(array: pa.Array) -> list[Any]:
    if array.null_count or not len(array):
        return list(array.to_pylist())
    memory: Any = memoryview(array.buffers()[1]).cast("B")
    return list(memory.cast(_FORMATS[array.type])[array.offset : array.offset + len(array)])


_FORMATS: Final = {pa.float64(): "d", pa.int64(): "q", pa.int32(): "i"}
