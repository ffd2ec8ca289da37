"""What the store holds, for people: searching, counting, showing, pulling and scanning. Every method may be called from
several threads at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral
from typing import Any, Final
from weakref import WeakSet

from scorelens_client.sdk.errors import NotAllowedError, NotFoundError, ScorelensError
from scorelens_client.sdk.history import History
from scorelens_client.sdk.places import Places
from scorelens_client.sdk.pulling import references_of, resolved
from scorelens_client.sdk.records import Record
from scorelens_client.sdk.rows import Documents, Records
from scorelens_client.sdk.scans import Scan
from scorelens_client.sdk.selecting import sort_of, words_field
from scorelens_client.sdk.words import Words, find_words
from scorelens_client.when import now
from scorelens_reading.explain import explain_again
from scorelens_reading.histories import find_history, find_in, to_explain
from scorelens_reading.kibana.links import kibana_of
from scorelens_reading.kibana.settings import from_environment
from scorelens_reading.resolver import Reference, Resolver, StoreResolver, load_resolver, read_reference, reference_of
from scorelens_reading.seen import HIDDEN, is_in_part
from scorelens_store.contract import Aggregation, AggregationResult, Reader, Selection
from scorelens_store.query.parse import parse
from scorelens_store.significance import MOST

MOST_HISTORY: Final = 100

Names = str | int | Iterable[str | int | Record | Mapping[str, Any]]
"""What names documents: one id, or several ids, URIs and records."""


class Archive:
    """Opens the store when it is first needed, and the one that a system uses now where that changes."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._lock = threading.Lock()
        self._readers: dict[str, Reader] = {}
        self._scans: WeakSet[Scan] = WeakSet()
        self._closed = False

    def reader(self) -> Reader:
        """Return the reader of the store. Raises UnavailableError that says what to do where there is none."""
        with self._lock:
            if self._closed:
                raise ScorelensError("the client is closed; make another one")
            name, open_ = self._places.records()
            if name not in self._readers:
                self._readers[name] = open_()
            return self._readers[name]

    def close(self) -> None:
        """End all scans and close the store."""
        with self._lock:
            self._closed = True
            for scan in tuple(self._scans):
                scan.close()
            while self._readers:
                self._readers.popitem()[1].close()

    def search(self, selection: Selection, limit: int, sort: str | None, highlight: bool) -> Records:
        """Return the first hits of a query and how many there are."""
        check_limit(limit)
        order, reader = sort_of(sort), self.reader()
        found: list[Record] = []
        total = 0
        for page in reader.pages(selection, limit=limit, sort=order, highlight=highlight):
            found += [Record(hit.record, hit.score, hit.highlights) for hit in page.hits]
            total = page.total
        return Records(found[:limit], total)

    def count(self, selection: Selection) -> int:
        """Return how many records match."""
        return self.reader().count(selection)

    def aggregate(self, selection: Selection, aggregations: Mapping[str, Aggregation]) -> dict[str, AggregationResult]:
        """Return the result of each aggregation."""
        return self.reader().aggregate(selection, aggregations)

    def words(
        self, query: str, selection: Selection, against: Selection | None, field: str, limit: int, least: int
    ) -> Words:
        """Return the words that mark a selection, which `query` has made, against others."""
        check_limit(limit, 1, MOST)
        check_limit(least, 1, name="least")
        return find_words(self.reader(), query, selection, against, words_field(field), limit, least)

    def scan(self, selection: Selection, progress: bool) -> Scan:
        """Return an iterator over all matches, which ends when this is closed."""
        scan = Scan(self.reader, selection, progress)
        self._scans.add(scan)
        return scan

    def show(self, given: str | int, record_id: str | None, all_terms: bool) -> History:
        """Return a document with its scores. Raises NotFoundError."""
        name = id_of(given)
        if name is None:
            raise ScorelensError(f"name: must be the id of a document or a record, not {type(given).__name__}")
        found, total = find_history(self.reader(), name, MOST_HISTORY)
        if not found:
            raise NotFoundError(f"no record of a document {name!r} is stored; a score takes a moment to arrive")
        chosen = find_in(found, record_id or name) or (to_explain(found) if record_id is None else None)
        if chosen is None:
            raise NotFoundError(f"none of the latest {len(found)} scores of {name!r} has the record id {record_id!r}")
        if all_terms and is_in_part(chosen):
            raise NotAllowedError(HIDDEN)
        explained = explain_again(dict(chosen), self._places.sidecar()) if all_terms else chosen
        return History(Records(map(Record, found), total), Record(explained))

    def kibana_link(self, name: str | None, query: str | None) -> str:
        """Return the address of a document or of a query in Kibana. Raises SettingError, NotFoundError, QueryError."""
        if name is not None and query is not None:
            raise ScorelensError("kibana_link: name a document or query=, and not both")
        kibana = kibana_of(self._places.store(), from_environment())
        if name is None:
            return kibana.of_selection(Selection(parse(query or "", now())))
        found, total = find_history(self.reader(), name, MOST_HISTORY)
        if not found:
            raise NotFoundError(f"no record of a document {name!r} is stored; a score takes a moment to arrive")
        return kibana.of_document(found, total)

    def pull(self, references: Callable[[], Iterable[Reference]], resolver: Resolver | str | None) -> Documents:
        """Return the documents of some references, in order."""
        own = load_resolver(resolver) if isinstance(resolver, str) else resolver
        found, missing = [], []
        for reference, document in resolved(references(), own or StoreResolver(self.reader())):
            if document is None:
                missing.append(reference.name)
            else:
                found.append(document)
        return Documents(found, missing)

    def selected(self, selection: Selection) -> Iterable[Reference]:
        """Return references to the documents of a selection."""
        return references_of(self.reader(), selection)


def id_of(given: object) -> str | None:
    """Return the id that a text or, as tables have them, a whole number stands for; None for anything else."""
    if isinstance(given, Integral) and not isinstance(given, bool):
        return str(int(given))
    return given if isinstance(given, str) else None


def references(names: Names) -> Sequence[Reference]:
    """Read document ids, record ids, URIs, Records, or records as dicts. Raises ScorelensError."""
    found = []
    for place, name in enumerate((names,) if isinstance(names, str | int) else names):
        reference = _reference(name, place)
        if reference is not None:
            found.append(reference)
    return found


def check_limit(limit: int, least: int = 0, most: int | None = None, name: str = "limit") -> None:
    """Raise ScorelensError for what is no number of records or words."""
    whole = isinstance(limit, int) and not isinstance(limit, bool)
    if not whole or limit < least or (most is not None and limit > most):
        bounds = f"of at least {least:,}" if most is None else f"from {least:,} to {most:,}"
        raise ScorelensError(f"{name}: must be a whole number {bounds}, not {limit!r}")


def _reference(name: object, place: int) -> Reference | None:
    if isinstance(name, Record):
        return Reference(name.document_id, name.id, record=name.raw)
    try:
        if isinstance(name, Mapping):
            return reference_of(name)
        if (text := id_of(name)) is not None:
            return read_reference(text)
    except ScorelensError as error:
        raise ScorelensError(f"ids[{place}]: {error}") from error
    raise ScorelensError(f"ids[{place}]: must be an id, a URI or a record, not {type(name).__name__}")
