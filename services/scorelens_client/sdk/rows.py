"""Results as sequences that become Arrow, pandas and polars tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, overload

from scorelens.v1.scorer_pb2 import Document
from scorelens_client.sdk.records import Record
from scorelens_client.sdk.scores import Score
from scorelens_client.sdk.tables import Form, table_of
from scorelens_documents.documents import write_document
from scorelens_reading.extras import pandas, polars

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

Result = TypeVar("Result")
Item = TypeVar("Item", Score, Record, Document)


class Results(Sequence[Result], Generic[Result]):
    """Results in order; a slice of them is of the same kind."""

    def __init__(self, items: Iterable[Result] = ()) -> None:
        self._items: tuple[Result, ...] = tuple(items)

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Result]:
        return iter(self._items)

    @overload
    def __getitem__(self, place: int) -> Result: ...
    @overload
    def __getitem__(self, place: slice) -> Self: ...
    def __getitem__(self, place: int | slice) -> Result | Self:
        return self._part(self._items[place]) if isinstance(place, slice) else self._items[place]

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(len(self))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self):,}>"

    def _part(self, items: Iterable[Result]) -> Self:
        return type(self)(items)


class Rows(Results[Item], Generic[Item]):
    """Results with attribute access, and as tables.

    Forms of a table: "documents" has one row per document, "scores" one per tag, "terms" one per term of a
    calculation. `tags` adds a column `score.TAG` to the documents for each tag that is named.
    """

    kind: ClassVar[type]

    def to_arrow(self, form: Form = "documents", *, tags: Sequence[str] = ()) -> pa.Table:
        """Return a table of pyarrow. Raises ScorelensError for an unknown form."""
        return table_of(self.kind, self, form, tags)

    def to_pandas(self, form: Form = "documents", *, tags: Sequence[str] = ()) -> pd.DataFrame:
        """Return a DataFrame of pandas; whole numbers and truths that may be absent have nullable types."""
        return as_pandas(self.to_arrow(form, tags=tags))

    def to_polars(self, form: Form = "documents", *, tags: Sequence[str] = ()) -> pl.DataFrame:
        """Return a DataFrame of polars."""
        frame: pl.DataFrame = polars("to_polars()").from_arrow(self.to_arrow(form, tags=tags))
        return frame

    def _repr_html_(self) -> str:
        from scorelens_client.sdk.html import rows_html

        return rows_html(self)


class Scores(Rows[Score]):
    """What the model said of several documents, in the order in which they were given."""

    kind = Score


class Records(Rows[Record]):
    """Stored records; `total` is how many match in all."""

    kind = Record

    def __init__(self, items: Iterable[Record] = (), total: int | None = None) -> None:
        super().__init__(items)
        self.total = len(self) if total is None else total

    def __repr__(self) -> str:
        return f"<Records: {len(self):,} of {self.total:,}>"


class Documents(Rows[Document]):
    """Documents as they were scored, or as the system that owns them has them; `missing` are names without one."""

    kind = Document

    def __init__(self, items: Iterable[Document] = (), missing: Iterable[str] = ()) -> None:
        super().__init__(items)
        self.missing = tuple(missing)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the documents as dicts, as `score` takes them."""
        return [write_document(document) for document in self]


def as_pandas(table: pa.Table) -> pd.DataFrame:
    """Return a table as a DataFrame without turning whole numbers into floats where some are absent."""
    import pyarrow

    frames: Any = pandas("to_pandas()")
    types = {pyarrow.int64(): frames.Int64Dtype(), pyarrow.bool_(): frames.BooleanDtype()}
    frame: pd.DataFrame = table.to_pandas(types_mapper=types.get, maps_as_pydicts="strict")
    return frame
