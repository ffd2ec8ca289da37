"""Every match of a query, in constant memory."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from scorelens_client.sdk.errors import ScorelensError
from scorelens_client.sdk.files import save
from scorelens_client.sdk.progress import watched
from scorelens_client.sdk.records import Record
from scorelens_client.sdk.tables import ITEMS_TOGETHER, Form, batches_of, schema_of
from scorelens_client.sdk.tasks import Threads
from scorelens_reading.extras import pyarrow
from scorelens_store.contract import Reader, Selection

if TYPE_CHECKING:
    import pyarrow as pa

Result = TypeVar("Result")

RECORDS_TOGETHER: Final = ITEMS_TOGETHER


class Scan(Iterator[Record]):
    """Yields every record of a selection once, by time and record id, as of its beginning; close it to end early.

    A scan can be consumed once, by records or by Arrow record batches, and cancelled from another thread.
    """

    def __init__(self, reader: Callable[[], Reader], selection: Selection, progress: bool = False) -> None:
        self._stopped = threading.Event()
        self._records = self._read(reader, selection, progress)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Record:
        return next(self._records)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def batches(
        self, form: Form = "documents", *, tags: Sequence[str] = (), size: int = RECORDS_TOGETHER
    ) -> Iterator[pa.RecordBatch]:
        """Yield Arrow record batches of so many records each, fewer of long texts; at least one, which may be empty."""
        schema_of(Record, form, tags)
        return batches_of(Record, self._records, form, tags, size)

    def to_reader(
        self, form: Form = "documents", *, tags: Sequence[str] = (), size: int = RECORDS_TOGETHER
    ) -> pa.RecordBatchReader:
        """Return an Arrow stream, which pyarrow, polars, DuckDB and others read batch by batch."""
        schema = schema_of(Record, form, tags)
        return pyarrow("a stream").RecordBatchReader.from_batches(
            schema, batches_of(Record, self._records, form, tags, size)
        )

    def save(self, path: str | os.PathLike[str], form: Form | None = None, *, tags: Sequence[str] = ()) -> int:
        """Write what is left of the scan to a .jsonl, .csv, .parquet or .arrow file; return how many records that were.

        JSON lines are whole records, unless a form is given. The file is there when it is whole: where the scan fails
        or is cancelled, the one that had the name before stays. Raises ScorelensError.
        """
        saved = save(self._until_cancelled(path), Path(path), form, tags)
        return saved.records

    def take(self, count: int) -> list[Record]:
        """Return the next records, none at the end."""
        return list(islice(self._records, count))

    def cancel(self) -> None:
        """End the scan before its next record; may be called from any thread."""
        self._stopped.set()

    def close(self) -> None:
        """End the scan and give back what it holds."""
        self.cancel()
        with suppress(ValueError):  # another thread is just reading; it ends by itself
            self._records.close()

    def _until_cancelled(self, path: str | os.PathLike[str]) -> Iterator[Record]:
        yield from self._records
        if self._stopped.is_set():
            raise ScorelensError(f"the scan was cancelled: {os.fspath(path)} is not written")

    def _read(
        self, reader: Callable[[], Reader], selection: Selection, progress: bool
    ) -> Generator[Record, None, None]:
        opened = reader()
        records: Any = opened.scan(selection, cancelled=self._stopped.is_set)
        if progress:
            records = watched(records, opened.count(selection), "scanning", "records")
        try:
            for record in records:
                if self._stopped.is_set():
                    return
                yield Record(record)
        finally:
            # Who leaves a scan early has no use for a store's failure to forget about it.
            with suppress(ScorelensError):
                records.close()


class AsyncScan(AsyncIterator[Record]):
    """A scan for asyncio: the store is read in threads, some records at a time; close it to end early."""

    def __init__(self, scan: Scan, threads: Threads) -> None:
        self._scan, self._threads = scan, threads
        self._ready: list[Record] = []

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Record:
        if not self._ready:
            self._ready = (await self._read(self._scan.take, RECORDS_TOGETHER))[::-1]
        if not self._ready:
            raise StopAsyncIteration
        return self._ready.pop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def batches(
        self, form: Form = "documents", *, tags: Sequence[str] = (), size: int = RECORDS_TOGETHER
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        """Yield Arrow record batches of so many records each, fewer of long texts; at least one, which may be empty."""
        batches = self._scan.batches(form, tags=tags, size=size)
        while (batch := await self._read(next, batches, None)) is not None:
            yield batch

    async def save(self, path: str | os.PathLike[str], form: Form | None = None, *, tags: Sequence[str] = ()) -> int:
        """Write what is left of the scan to a file, as Scan does; a task that is cancelled leaves none behind."""
        saving = asyncio.ensure_future(self._threads.run(partial(self._scan.save, path, form, tags=tags)))
        try:
            return await asyncio.shield(saving)
        except asyncio.CancelledError:
            self._scan.cancel()
            with suppress(ScorelensError):
                await saving
            raise

    def cancel(self) -> None:
        """End the scan before its next record."""
        self._scan.cancel()

    async def close(self) -> None:
        """End the scan and give back what it holds."""
        self._scan.cancel()
        await asyncio.to_thread(self._scan.close)

    async def _read(self, work: Callable[..., Result], *arguments: Any) -> Result:
        try:
            return await self._threads.run(work, *arguments)
        except asyncio.CancelledError:
            self._scan.cancel()  # the thread ends by itself at the next record
            raise
