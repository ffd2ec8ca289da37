"""From names or a selection to the documents themselves; shared by the commands and the SDK."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from scorelens.v1.scorer_pb2 import Document
from scorelens_reading.resolver import Reference, Resolver, of_record
from scorelens_store.contract import Reader, Selection

TOGETHER: Final = 100


def resolved(references: Iterable[Reference], resolver: Resolver) -> Iterator[tuple[Reference, Document | None]]:
    """Yield each reference, in order, with its document, or None where it is not found."""
    waiting = iter(references)
    while together := list(islice(waiting, TOGETHER)):
        found = dict(resolver.resolve(together))
        for reference in together:
            yield reference, found.get(reference)


def references_of(reader: Reader, selection: Selection) -> Iterator[Reference]:
    """Yield a reference to each document of a selection, once, however often it was scored."""
    seen: set[int] = set()
    for record in reader.scan(selection):
        if "document" not in record:
            continue
        reference = of_record(record)
        if reference.document_id:
            known = hash(reference.document_id)
            if known in seen:
                continue
            seen.add(known)
        yield reference
