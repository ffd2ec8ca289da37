"""Reading the embedded store, from any number of processes while one writes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson
import tantivy

from scorelens_runtime.errors import ScorelensError
from scorelens_store.contract import (
    PAGE,
    Aggregation,
    AggregationResult,
    Hit,
    Hits,
    Record,
    Selection,
    SignificantWords,
    Sort,
)
from scorelens_store.embedded.aggregate import aggregate
from scorelens_store.embedded.check import has_index
from scorelens_store.embedded.listing import TIME, by_field, by_relevance, listed, ranked
from scorelens_store.embedded.schema import FORMAT, register_tokenizers
from scorelens_store.embedded.significant import IndexSource
from scorelens_store.embedded.slots import Slots
from scorelens_store.embedded.snapshot import Snapshot
from scorelens_store.embedded.tombstones import read_forgotten
from scorelens_store.embedded.translate import Translator
from scorelens_store.errors import StoreDamagedError
from scorelens_store.highlight import highlight as highlighted
from scorelens_store.moving import Forgotten
from scorelens_store.query.tree import Node
from scorelens_store.selection import aggregated_field, complete, sort_field
from scorelens_store.significance import answer, question

_BY_RELEVANCE: Final = Sort()
_Stamp = tuple[int, int, int]


def open_reader(folder: Path | str) -> EmbeddedReader:
    """Open a folder for reading; until its first record it is empty, whether it exists or not."""
    return EmbeddedReader(Path(folder))


class EmbeddedReader:
    """Reads the store in a folder; sees each commit of the writer from the next call on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._meta = folder / "index" / "meta.json"
        self._slots = Slots(folder / "numbers.json")
        self._index: tantivy.Index | None = None
        self._stamp: _Stamp | None = None
        self._lock = threading.Lock()
        # Searches keep a core busy: more at a time would make each take longer, and none come to its end sooner.
        self._turns = threading.Semaphore(max(2, os.cpu_count() or 2))
        check_format(folder)

    def get(self, record_id: str) -> Record | None:
        """Return one record with its labels, or None."""
        with self._reading() as snapshot:
            source = snapshot.source(record_id) if snapshot else None
            return None if source is None else _decoded(source)

    def search(
        self,
        selection: Selection,
        *,
        limit: int = 10,
        sort: Sort = _BY_RELEVANCE,
        after: tuple[Any, ...] = (),
        highlight: bool = False,
    ) -> Hits:
        """Return one page of hits; `after` is the `sort` of the last hit of the page before."""
        node, field = complete(selection), sort_field(sort)
        with self._turns, self._reading() as snapshot:
            if snapshot is None:
                return Hits(0, ())
            if limit > PAGE:  # the index makes room for as many as it is asked for
                limit = min(limit, snapshot.count(node))
            if limit < 1:
                hits = []
            elif field is None:
                hits = by_relevance(snapshot, node, sort.descending, after, limit)
            else:
                hits = list(by_field(snapshot, node, field, sort.descending, after, limit))
            total = snapshot.count(node)  # which the first page of a listing by time has found on its way
        if highlight:
            hits = [_marked(selection.query, hit) for hit in hits]
        return Hits(total, hits)

    def pages(
        self, selection: Selection, *, limit: int, sort: Sort = _BY_RELEVANCE, highlight: bool = False
    ) -> Iterator[Hits]:
        """Yield the first `limit` hits, PAGE at a time, as of the first page; at least one page, which may be empty."""
        node, field = complete(selection), sort_field(sort)
        with self._reading() as snapshot:
            total = snapshot.count(node) if snapshot else 0
        if snapshot is None or limit < 1 or not total:
            yield Hits(total, ())
            return
        limit = min(limit, total)
        if field is None:
            found = ranked(snapshot, node, sort.descending, limit)
        else:
            found = listed(snapshot, node, field, sort.descending, limit)
        while True:
            with self._translated():
                hits = list(islice(found, PAGE))
            if not hits:
                return
            yield Hits(total, [_marked(selection.query, hit) for hit in hits] if highlight else hits)

    def count(self, selection: Selection) -> int:
        """Return how many records match."""
        with self._reading() as snapshot:
            return snapshot.count(complete(selection)) if snapshot else 0

    def aggregate(self, selection: Selection, aggregations: Mapping[str, Aggregation]) -> dict[str, AggregationResult]:
        """Return the result of each aggregation by name."""
        node = complete(selection)
        with self._reading() as snapshot:
            if snapshot is not None:
                return aggregate(snapshot, node, aggregations)
        return {name: _empty(aggregation) for name, aggregation in aggregations.items()}

    def significant_words(
        self,
        selection: Selection,
        against: Selection | None = None,
        *,
        field: str = "",
        limit: int = 20,
        least: int = 3,
    ) -> SignificantWords:
        """Return the words that mark a selection against others."""
        asked = question(selection, against, field, limit, least)
        with self._reading() as snapshot:
            return answer(asked, IndexSource(snapshot)) if snapshot else SignificantWords(0, 0, 0, 0, ())

    def scan(self, selection: Selection, *, cancelled: Callable[[], bool] = lambda: False) -> Iterator[Record]:
        """Yield every match in order of `@timestamp` and record id, in constant memory, as of the first one."""
        node = complete(selection)
        with self._reading() as snapshot:
            pass
        for hit in self._read(listed(snapshot, node, TIME, descending=False)) if snapshot else ():
            if cancelled():
                return
            yield hit.record

    def scan_heads(self, selection: Selection) -> Iterator[Record]:
        """Yield every match as `scan` does, whole, since its parts lie together."""
        return self.scan(selection)

    def forgotten(self) -> Iterator[Forgotten]:
        """Yield the hashes of all that was forgotten, those taken over included, some at a time."""
        return read_forgotten(self._folder)

    def close(self) -> None:
        """Give back what the reader holds."""
        with self._lock:
            self._index = self._stamp = None

    def _read(self, hits: Iterator[Hit]) -> Iterator[Hit]:
        with self._translated():
            yield from hits

    @contextmanager
    def _reading(self) -> Iterator[Snapshot | None]:
        with self._translated():
            yield self._snapshot()

    def _snapshot(self) -> Snapshot | None:
        with self._lock:
            stamp = stamp_of(self._meta)
            if stamp is None:
                if has_index(self._folder):
                    raise damaged(self._folder, "meta.json is missing")
                return None
            if self._index is None:
                self._index = self._open()
            elif stamp != self._stamp:
                self._index.reload()
            if stamp != self._stamp:
                # The writer saves the names of columns before it commits records that use them.
                self._slots.load()
                self._stamp = stamp
            return Snapshot(self._index.searcher(), Translator(self._index.schema, self._slots))

    def _open(self) -> tantivy.Index:
        check_format(self._folder)
        index = tantivy.Index.open(str(self._meta.parent))
        register_tokenizers(index)
        index.config_reader("manual")
        index.reload()
        return index

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except ScorelensError:
            raise
        except (ValueError, OSError, LookupError, TypeError) as exc:
            # Damaged bytes may look like anything, such as hits without their values.
            raise damaged(self._folder, exc) from exc
        except BaseException as exc:
            # What Rust cannot go on from arrives as an exception outside of Exception.
            if type(exc).__name__ != "PanicException":
                raise
            raise damaged(self._folder, exc) from None


def check_format(folder: Path) -> None:
    """Refuse a folder that another version of the store has written."""
    try:
        found = (folder / "format").read_text().strip()
    except FileNotFoundError:
        return
    if found != str(FORMAT):
        raise StoreDamagedError(
            f"{folder} holds a store of format {found!r} and this version reads format {FORMAT}: "
            "use the version that wrote it, or name another folder"
        )


def damaged(folder: Path, cause: object) -> StoreDamagedError:
    """Say that an index cannot be read, and what to do."""
    why = str(cause).splitlines()[0] if str(cause) else repr(cause)
    return StoreDamagedError(
        f"the index in {folder / 'index'} cannot be read ({why}): stop the indexer and run "
        f"`scorelens rebuild --store {folder} --from-export FOLDER`, which fills a new one and keeps the damaged one "
        "aside, or restore the folder from a backup"
    )


def stamp_of(meta: Path) -> _Stamp | None:
    """Tell versions of the index apart; None while there is none."""
    try:
        found = meta.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _marked(query: Node, hit: Hit) -> Hit:
    return replace(hit, highlights=highlighted(query, hit.record))


def _decoded(source: bytes) -> Record:
    record: Record = orjson.loads(source)
    return record


def _empty(aggregation: Aggregation) -> AggregationResult:
    aggregated_field(aggregation)
    return [] if hasattr(aggregation, "limit") or hasattr(aggregation, "width") else {}
