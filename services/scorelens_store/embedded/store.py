"""Writing the embedded store: one process, one commit per call, on disk when the call returns."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Final

import tantivy

from scorelens_runtime.errors import ScorelensError
from scorelens_runtime.turns import TURNS
from scorelens_store.contract import Label, Outcome, PutResult, Record
from scorelens_store.embedded.check import has_index, quick_check
from scorelens_store.embedded.documents import to_document
from scorelens_store.embedded.files import size_of, write_durably
from scorelens_store.embedded.purge import Purge, Segment, read_segments
from scorelens_store.embedded.reader import EmbeddedReader, check_format, damaged, stamp_of
from scorelens_store.embedded.schema import FORMAT, NAMES, build_schema
from scorelens_store.embedded.snapshot import Snapshot
from scorelens_store.embedded.tombstones import Tombstones
from scorelens_store.errors import RecordNotFoundError, RecordRefusedError, StoreUnavailableError
from scorelens_store.fields import FIELDS, OPEN_FIELDS, Type
from scorelens_store.forgettable import find_long, ids_of
from scorelens_store.moving import Forgotten
from scorelens_store.query.tree import Any, Equals, Node, Range
from scorelens_store.values import Values, encode, field_values

_HEAP_BYTES: Final = 64_000_000
"""Memory that new documents take before they are written to disk."""


def open_writer(folder: Path | str) -> EmbeddedStore:
    """Open a folder for writing, made if need be. Raises StoreUnavailableError while another process writes to it."""
    folder = Path(folder)
    try:
        for each in (folder, folder / "index"):  # parents of a folder get the default mode, whatever its own
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_format(folder)
        if has_index(folder) and (faults := quick_check(folder)):
            raise damaged(folder, faults[0])
        if not (folder / "format").exists():
            write_durably(folder / "format", str(FORMAT).encode())
    except OSError as exc:
        raise StoreUnavailableError(f"{folder} cannot be written to: {exc.strerror}") from exc
    return EmbeddedStore(folder)


class EmbeddedStore(EmbeddedReader):
    """Reads and changes the store in a folder."""

    parallel_puts = 1

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._writing = threading.RLock()
        self._writer: tantivy.IndexWriter | None = None
        self._schema = build_schema()
        with self._translated():
            self._open_writer()
        self._tombstones = Tombstones(folder)
        self._slots.load()
        self._check_names()

    def put(self, records: Sequence[Record], more: Iterable[Sequence[Record]] = ()) -> list[PutResult]:
        """Insert records that are not there yet; return one result each, in order."""
        results: list[PutResult] = []
        known: set[str] = set()
        with self._writing, self._changing() as writer:
            for some in chain((records,), more):
                with TURNS.take(first=True):
                    results += self._add(writer, some, known)
            if any(result.outcome is Outcome.STORED for result in results):
                self._commit(writer)
        return results

    def annotate(self, record_id: str, labels: Mapping[str, Label]) -> None:
        """Add labels to a record, replacing those of the same name. Raises RecordNotFoundError."""
        with self._writing:
            record = self.get(record_id)
            if record is None:
                raise RecordNotFoundError(f"there is no record {record_id!r}")
            record["labels"] = {**(record.get("labels") or {}), **labels}
            document, _ = to_document(field_values(record), encode(record), self._slots, self._schema)
            with self._committing() as writer:
                writer.delete_documents_by_term("record.id", record_id)
                writer.add_document(document)

    def forget(
        self,
        *,
        record_ids: Sequence[str] = (),
        document_ids: Sequence[str] = (),
        customer_ids: Sequence[str] = (),
    ) -> int:
        """Remove records for good and leave hashed tombstones; return how many were removed."""
        named = {"record.id": record_ids, "document.id": document_ids, "customer.id": customer_ids}
        # An empty id stands for none: it would take every record without one along.
        kept = {name: [value for value in values if value] for name, values in named.items()}
        nodes = tuple(Equals(FIELDS[name], value) for name, values in kept.items() for value in values)
        if not nodes:
            return 0
        with self._writing:
            # Tombstones come first: after a crash between the two, the same call finishes what was begun.
            with self._writable():
                for name, values in kept.items():
                    if values:
                        self._tombstones.add(name, values)
            nodes += tuple(Equals(FIELDS["record.id"], one) for one in find_long(self, kept))
            return self._remove(Any(nodes) if len(nodes) > 1 else nodes[0])

    def keep_out(self, forgotten: Forgotten) -> int:
        """Take hashes of another store over and return how many are new; what they cover is refused, not removed."""
        with self._writing, self._writable():
            return self._tombstones.take(forgotten)

    def covers(self, records: Sequence[Record]) -> list[bool]:
        """Tell of each record, of which the ids suffice, whether it was forgotten."""
        return [self._tombstones.cover(ids_of(record)) for record in records]

    def bytes_on_disk(self) -> int:
        """Return the size of the folder's files; removed records count until they are taken out of them."""
        return size_of(self._folder)

    def purge(self, least: float = 0.0) -> Iterator[tuple[int, int]]:
        """Write the records of segments anew that hold removed ones, some at a time; yield done and total."""
        if not self._meta.exists():
            return
        purge = Purge([each for each in self._segments()[1] if each.removed > least * each.size])
        while True:
            with self._writing:
                snapshot, segments = self._segments()
                live = purge.next(snapshot, segments)
                if live is None:
                    break
                if live:
                    self._rewrite(live)
            del snapshot
            yield purge.done, purge.total
        with self._writing, self._writable():
            # The files of a segment stay as long as a searcher of this process may read them.
            snapshot = self._segments()[0]
            (self._writer or self._open_writer()).garbage_collect_files()

    def expire(self, before: datetime) -> int:
        """Remove what is older, as retention does, without tombstones; return how many records went."""
        with self._writing:
            return self._remove(Range(FIELDS["@timestamp"], None, before, with_high=False))

    def available(self) -> bool:
        """Tell whether the store answers now."""
        try:
            with self._reading():
                return True
        except ScorelensError:
            return False

    def describe(self) -> str:
        """Name the store for people."""
        return f"embedded, {self._folder}"

    def close(self) -> None:
        """Finish merges and let other processes write."""
        with self._writing:
            writer, self._writer = self._writer, None
            if writer is not None:
                with self._writable():
                    writer.wait_merging_threads()
        super().close()

    def _segments(self) -> tuple[Snapshot, list[Segment]]:
        """Return the index of this moment and its segments, which a merge may replace at any time."""
        while True:
            with self._reading() as snapshot:
                segments = read_segments(self._meta)
                if snapshot is not None and stamp_of(self._meta) == self._stamp:
                    return snapshot, segments

    def _rewrite(self, live: Sequence[tuple[Record, bytes]]) -> None:
        with self._committing() as writer:
            for record, source in live:
                values = field_values(record)
                document, _ = to_document(values, source, self._slots, self._schema)
                writer.delete_documents_by_term("record.id", str(values["record.id"][0]))
                writer.add_document(document)

    def _check_names(self) -> None:
        """Refuse a list of columns that is not the one the records were written with: other numbers would be found."""
        with self._reading() as snapshot:
            if snapshot is None:
                return
            used = (
                name
                for prefix, kind in OPEN_FIELDS.items()
                if kind is Type.FLOAT
                for name, _ in snapshot.searcher.terms_with_prefix(NAMES, prefix)
            )
            missing = next((name for name in used if self._slots.find(name) is None), None)
        if missing is not None:
            raise damaged(self._folder, f"numbers.json does not have {missing!r}, which records have")

    def _add(self, writer: tantivy.IndexWriter, records: Sequence[Record], known: set[str]) -> list[PutResult]:
        """Index records without a commit; `known` has the ids of those that were added before, and gets theirs."""
        checked = [_check(record) for record in records]
        known |= self._existing([entry.record_id for entry in checked if isinstance(entry, _Checked)])
        return [entry if isinstance(entry, PutResult) else self._add_one(writer, entry, known) for entry in checked]

    def _add_one(self, writer: tantivy.IndexWriter, entry: _Checked, known: set[str]) -> PutResult:
        if self._tombstones.cover(entry.ids):
            return PutResult(Outcome.FORGOTTEN)
        if entry.record_id in known:
            return PutResult(Outcome.DUPLICATE)
        known.add(entry.record_id)
        document, unmapped = to_document(entry.values, entry.source, self._slots, self._schema)
        writer.add_document(document)
        return PutResult(Outcome.STORED, unmapped_fields=unmapped)

    def _existing(self, record_ids: Sequence[str]) -> set[str]:
        if not record_ids:
            return set()
        with self._reading() as snapshot:
            return _ids_among(snapshot, record_ids) if snapshot else set()

    def _remove(self, node: Node) -> int:
        with self._reading() as snapshot:
            count = snapshot.count(node) if snapshot else 0
            query = snapshot.translator.query(node) if snapshot and count else None
        if query is not None:
            with self._committing() as writer:
                writer.delete_documents_by_query(query)
        return count

    @contextmanager
    def _committing(self) -> Iterator[tantivy.IndexWriter]:
        """Commit what is done to the writer within; nothing of it is kept when anything fails."""
        with self._changing() as writer:
            yield writer
            self._commit(writer)

    @contextmanager
    def _changing(self) -> Iterator[tantivy.IndexWriter]:
        """Keep nothing of what is done to the writer within, but not committed, when anything fails."""
        writer = self._writer or self._open_writer()
        try:
            with self._writable():
                yield writer
        except BaseException:
            # A writer that failed once cannot go on; without it, uncommitted documents are gone.
            self._writer = None
            raise

    def _commit(self, writer: tantivy.IndexWriter) -> None:
        self._slots.save()
        writer.commit()

    def _open(self) -> tantivy.Index:
        if not self._meta.exists():
            tantivy.Index(build_schema(), str(self._meta.parent))
        return super()._open()

    def _open_writer(self) -> tantivy.IndexWriter:
        with self._lock:
            index = self._index = self._index or self._open()
        try:
            self._writer = index.writer(_HEAP_BYTES, 1)
        except ValueError as exc:
            if "LockBusy" in str(exc):
                raise StoreUnavailableError(
                    f"{self._folder} is being written to by another process: stop that one, or name another folder"
                ) from None
            raise damaged(self._folder, exc) from exc
        return self._writer

    @contextmanager
    def _writable(self) -> Iterator[None]:
        try:
            yield
        except RecordRefusedError:
            raise
        except (OSError, ValueError) as exc:
            raise StoreUnavailableError(f"{self._folder} cannot be written to: {exc}") from exc


class _Checked:
    """A record that may be stored."""

    __slots__ = ("ids", "record_id", "source", "values")

    def __init__(self, values: Values, source: bytes, ids: Values) -> None:
        self.values, self.source, self.ids = values, source, ids
        self.record_id = str(values["record.id"][0])


def _check(record: Record) -> _Checked | PutResult:
    try:
        return _Checked(field_values(record), encode(record), ids_of(record))
    except RecordRefusedError as exc:
        return PutResult(Outcome.REJECTED, str(exc))


def _ids_among(snapshot: Snapshot, record_ids: Sequence[str]) -> set[str]:
    """Return which ids are there. Most never were, which the terms tell; only records of others are looked for."""
    return {record_id for record_id in record_ids if snapshot.ever_had(record_id) and snapshot.has(record_id)}
