"""Rows as record batches of Arrow, whose columns have the same types for any number of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

from scorelens_reading.extras import pyarrow
from scorelens_reading.tables.columns import Columns, Row

if TYPE_CHECKING:
    import pyarrow as pa

ITEMS_TOGETHER: Final = 250
BATCH_CHARACTERS: Final = 8_000_000
"""Items of a record batch, and characters of their texts, from which on it is full."""

Item = TypeVar("Item")


def schema_of(columns: Columns) -> pa.Schema:
    """Return the columns as Arrow has them."""
    pa, types = pyarrow("a table"), _types()
    return pa.schema([(name, types[kind]) for name, kind in columns.items()])


def batch_of(schema: pa.Schema, rows: Iterable[Row]) -> pa.RecordBatch:
    """Return a record batch of rows."""
    pa = pyarrow("a table")
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def batches_of(
    schema: pa.Schema,
    items: Iterable[Item],
    make: Callable[[Iterable[Item]], Iterator[Row]],
    size: int = ITEMS_TOGETHER,
) -> Iterator[pa.RecordBatch]:
    """Yield record batches of the rows of at most so many items, of fewer where texts are long; at least one."""
    waiting = iter(items)
    yield batch_of(schema, make(_some(waiting, size)))
    # Rows are made of one item at a time, so that memory holds what their columns need and not the items.
    for first in waiting:
        yield batch_of(schema, make(_some(chain((first,), waiting), size)))


def _some(items: Iterator[Item], size: int) -> Iterator[Item]:
    room = BATCH_CHARACTERS
    for item in islice(items, size):
        yield item
        room -= len(getattr(item, "text", ""))
        if room < 0:
            return


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
