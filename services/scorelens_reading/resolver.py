"""Pulling documents up: from an id or a URI to the document, from the store or from the system that owns it.

A resolver of one's own is a class without arguments, named by the entry point group `scorelens.resolvers` or by
`module:attribute`:

    class Crm:
        def resolve(self, references):
            for reference in references:
                row = crm.find(reference.document_id)
                if row:
                    yield reference, Document(id=row.id, kind="chat", text=row.transcript)
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, Protocol, cast

from scorelens.v1.scorer_pb2 import Document
from scorelens_documents.documents import document_of_record
from scorelens_reading.naming import named
from scorelens_reading.seen import purposes_of
from scorelens_runtime.errors import ScorelensError
from scorelens_store.contract import Reader, Record, Selection, Sort

GROUP = "scorelens.resolvers"
RECORD_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Reference:
    """What is known of a document that is wanted; whatever is unknown is empty."""

    document_id: str = ""
    record_id: str = ""
    source_uri: str = ""
    record: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)

    @property
    def name(self) -> str:
        """Return what a person calls it by."""
        return self.document_id or self.record_id or self.source_uri


class Resolver(Protocol):
    """Finds documents. One that is not found is left out; the caller reports it."""

    def resolve(self, references: Sequence[Reference]) -> Iterable[tuple[Reference, Document]]:
        """Yield each reference that can be resolved with its document, in any order."""
        ...


class StoreResolver:
    """Finds documents as they were when they were scored: by record, or else the latest of the id."""

    def __init__(self, reader: Reader, purposes: tuple[str, ...] | None = None) -> None:
        """Look among the records of some purposes, by default of all that whoever reads may see."""
        self._reader, self._purposes = reader, purposes

    def resolve(self, references: Sequence[Reference]) -> Iterator[tuple[Reference, Document]]:
        """Yield each reference with its document, in order."""
        for reference in references:
            record = reference.record or self.find(reference)
            if record is not None and record.get("document"):
                yield reference, document_of_record(record)

    def find(self, reference: Reference) -> Record | None:
        """Return the record that is meant, None where there is none."""
        if reference.record_id:
            record = self._reader.get(reference.record_id)
            if record is not None:
                return record
        for name, value in (("document.id", reference.document_id), ("document.source_uri", reference.source_uri)):
            if value:
                purposes = purposes_of(self._reader) if self._purposes is None else self._purposes
                selection = Selection(named(name, value), purposes=purposes)
                hits = self._reader.search(selection, limit=1, sort=Sort("@timestamp")).hits
                if hits:
                    return hits[0].record
        return None


def load_resolver(name: str) -> Resolver:
    """Make a user's own resolver by entry point name or `module:attribute`. Raises ScorelensError."""
    try:
        found = [point for point in entry_points(group=GROUP) if point.name == name]
        if found:
            return cast("Resolver", found[0].load()())
        module, separator, attribute = name.partition(":")
        if not separator:
            known = ", ".join(sorted(point.name for point in entry_points(group=GROUP))) or "none is installed"
            raise ScorelensError(
                f"--resolver: {name!r} is neither an entry point of {GROUP} ({known}) nor module:attribute"
            )
        return cast("Resolver", getattr(importlib.import_module(module), attribute)())
    except (ImportError, AttributeError, TypeError) as error:
        raise ScorelensError(f"--resolver: {name} cannot be loaded: {error}") from error


def read_reference(line: str) -> Reference | None:
    """Read an id, a URI, or a JSON line of the log, of `search --json` or of a document; None for a blank line."""
    text = line.strip()
    if not text:
        return None
    if text.startswith(("{", '"')):
        try:
            value = json.loads(text)
        except ValueError as error:
            raise ScorelensError(f"neither an id nor a JSON line: {text[:80]}") from error
        return reference_of(value) if isinstance(value, dict) else _of_name(str(value))
    return _of_name(text)


def _of_name(text: str) -> Reference:
    if "://" in text:
        return Reference(text, source_uri=text)
    return Reference(text, record_id=text if RECORD_ID.fullmatch(text) else "")


def reference_of(value: Mapping[str, Any]) -> Reference:
    """Return the reference of a record, a document, or a line of the log. Raises ScorelensError."""
    document = _part(value, "document")
    reference = Reference(
        str(document.get("id") or value.get("document_id") or value.get("id") or ""),
        str(_part(value, "record").get("id") or ""),
        str(document.get("source_uri") or value.get("source_uri") or ""),
    )
    if not reference.name:
        raise ScorelensError("a JSON line without document.id, record.id and document.source_uri")
    return reference


def of_record(record: Record) -> Reference:
    """Return the reference of a record that is at hand."""
    reference = reference_of(record)
    return Reference(reference.document_id, reference.record_id, reference.source_uri, record)


def _part(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = value.get(name)
    return part if isinstance(part, dict) else {}
