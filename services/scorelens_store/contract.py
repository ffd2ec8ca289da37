"""What a store can do. One contract, one suite of tests, run against every store.

A record is a plain JSON object (dict) as docs/records.md describes it; its identity is `record["record"]["id"]`. In one
that is put, members that no store indexes may be JSON already (Json).
Reading is open to every process; writing belongs to the indexer alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol

from scorelens_store.query.tree import Node

Record = dict[str, Any]
Label = str | float | bool


@dataclass(frozen=True, slots=True)
class Json:
    """A member of a record that is written as JSON already, so that nobody has to read or write it again."""

    text: bytes


class Outcome(StrEnum):
    """What became of one record that was put."""

    STORED = "stored"
    DUPLICATE = "duplicate"  # a record with this id was there already and stays as it was
    FORGOTTEN = "forgotten"  # a tombstone keeps it out
    REJECTED = "rejected"  # it can never be stored; the reason says why


@dataclass(frozen=True)
class PutResult:
    """What became of one record, and how many of its fields the mapping's limit kept out of the index."""

    outcome: Outcome
    reason: str = ""
    unmapped_fields: int = 0


@dataclass(frozen=True)
class Sort:
    """Order hits by a field, or by relevance where the field is None; ties go by time and record id."""

    field: str | None = None
    descending: bool = True


@dataclass(frozen=True)
class Selection:
    """Which records are meant: a query, a span of time, and what listings leave out by default.

    `since` is inclusive and `until` exclusive, both on `@timestamp`. Unless the query itself names `record.type` or
    `purpose`, only records of documents and only those of `purposes` are meant (empty: all purposes).
    """

    query: Node
    since: datetime | None = None
    until: datetime | None = None
    purposes: tuple[str, ...] = ("production",)
    calls: bool = False


@dataclass(frozen=True)
class Hit:
    """A record that was found.

    `highlights` has, by field, snippets of the text with the matching words between U+0002 and U+0003, so that whoever
    shows them can mark them without mistaking the text for markup. `sort` continues the listing after this hit.
    """

    record: Record
    score: float = 0.0
    highlights: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sort: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Hits:
    """One page of a search, and how many records match in all."""

    total: int
    hits: Sequence[Hit]


@dataclass(frozen=True)
class Terms:
    """Count records by value of a keyword field, the most frequent first, ties by value.

    With `sum_of`, a number field, each bucket has the sum of it over its records as well.
    """

    field: str
    limit: int = 10
    sum_of: str = ""


@dataclass(frozen=True)
class Histogram:
    """Count records in buckets of equal width over a number field."""

    field: str
    width: float


@dataclass(frozen=True)
class DateHistogram:
    """Count records in buckets of equal duration, aligned to 1970-01-01T00:00Z, over a date field.

    `sum_of` is as in Terms.
    """

    field: str
    seconds: int
    sum_of: str = ""


@dataclass(frozen=True)
class Statistics:
    """Count, least, greatest, sum and mean of a number field."""

    field: str


@dataclass(frozen=True)
class Percentiles:
    """Approximate percentiles of a number field; both stores within one percent of the value's rank."""

    field: str
    percents: tuple[float, ...] = (1, 5, 25, 50, 75, 95, 99)


Aggregation = Terms | Histogram | DateHistogram | Statistics | Percentiles


@dataclass(frozen=True)
class Bucket:
    """How many records share a value; `key` is a string, a number, or the start of a period.

    `sum` is what they add up to in the field that `sum_of` names, None where it names none.
    """

    key: Any
    count: int
    sum: float | None = None


AggregationResult = Sequence[Bucket] | Mapping[str, float]
"""Buckets of the counting ones, numbers by name of the others (percentiles by str(percent); empty without values)."""


PAGE: Final = 200
"""Most hits of one page of `Reader.pages`."""


@dataclass(frozen=True)
class SignificantWord:
    """A word, or a value of a keyword field, and how many of the records, and of the others, have it."""

    word: str
    count: int
    other_count: int
    score: float


@dataclass(frozen=True)
class SignificantWords:
    """The words that mark some records against others, the most significant first, ties by word.

    `total` is how many records there are, `others` how many they are compared with. Words were looked for in
    `examined` and `others_examined` of them; their counts are of all.
    """

    total: int
    others: int
    examined: int
    others_examined: int
    words: Sequence[SignificantWord]


class Reader(Protocol):
    """Reads a store. Raises StoreUnavailableError, StoreDamagedError or QueryError, nothing of the library below."""

    def get(self, record_id: str) -> Record | None:
        """Return one record with its labels, or None."""
        ...

    def search(
        self,
        selection: Selection,
        *,
        limit: int = 10,
        sort: Sort = Sort(),
        after: tuple[Any, ...] = (),
        highlight: bool = False,
    ) -> Hits:
        """Return one page of hits; `after` is the `sort` of the last hit of the page before."""
        ...

    def pages(
        self, selection: Selection, *, limit: int, sort: Sort = Sort(), highlight: bool = False
    ) -> Iterator[Hits]:
        """Yield the first `limit` hits as of the first page, at most PAGE at a time; at least one page, maybe empty.

        What is put, changed or forgotten meanwhile changes nothing; what retention removes may be missing.
        """
        ...

    def count(self, selection: Selection) -> int:
        """Return how many records match."""
        ...

    def aggregate(self, selection: Selection, aggregations: Mapping[str, Aggregation]) -> dict[str, AggregationResult]:
        """Return the result of each aggregation by name."""
        ...

    def significant_words(
        self,
        selection: Selection,
        against: Selection | None = None,
        *,
        field: str = "",
        limit: int = 20,
        least: int = 3,
    ) -> SignificantWords:
        """Return the words that mark a selection: more frequent there than among the others, beyond chance.

        The others are what is `against` it and not in the selection itself, by default all records of its times and
        purposes. A word is what a query without a field finds, or a word of the text field, or a value of the keyword
        field that is named; those that fewer than `least` records have are left out. scorelens_store.significance says
        how they are found. Raises QueryError for a field of another type.
        """
        ...

    def scan(self, selection: Selection, *, cancelled: Callable[[], bool] = lambda: False) -> Iterator[Record]:
        """Yield every match in order of `@timestamp` and record id, in constant memory, as of the first one."""
        ...

    def close(self) -> None:
        """Give back what the reader holds."""
        ...


class Store(Reader, Protocol):
    """Reads and changes a store. Every change is durable and visible to new searches when the call returns."""

    parallel_puts: int
    """How many puts at a time serve the store best; it takes any number, and does other changes alone."""

    def put(self, records: Sequence[Record], more: Iterable[Sequence[Record]] = ()) -> list[PutResult]:
        """Insert records that are not there yet; return one result each, in order.

        `more` yields records that are put together with them, and may wait for some while others are taken in.
        Raises StoreUnavailableError when the outcome of any is unknown: the caller puts all of them again.
        """
        ...

    def annotate(self, record_id: str, labels: Mapping[str, Label]) -> None:
        """Add labels to a record, replacing those of the same name. Raises RecordNotFoundError."""
        ...

    def forget(
        self,
        *,
        record_ids: Sequence[str] = (),
        document_ids: Sequence[str] = (),
        customer_ids: Sequence[str] = (),
    ) -> int:
        """Remove records for good and leave hashed tombstones; return how many were removed."""
        ...

    def bytes_on_disk(self) -> int:
        """Return the size of the store, removed records in its files included; 0 where only the server knows."""
        ...

    def purge(self, least: float = 0.0) -> Iterator[tuple[int, int]]:
        """Take what was removed out of the store's files, too, which removing alone does not.

        `least` is the share of a file that has to be removed records before a store writes the others anew; one that
        merges its files by itself does not look at it.

        Yields how much is done and how much there is to do, in records or in indices; what is put meanwhile is stored
        in between. Running it again goes on where it was interrupted. Raises StoreUnavailableError.
        """
        ...

    def expire(self, before: datetime) -> int:
        """Remove what is older, as retention does, without tombstones; return how many records went."""
        ...

    def available(self) -> bool:
        """Tell whether the store answers now."""
        ...

    def describe(self) -> str:
        """Name the store for people, without credentials."""
        ...
