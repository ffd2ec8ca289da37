"""Which documents are meant by pasted ids or by lines of a calculation log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from scorelens_console.access.identity import Identity
from scorelens_console.access.policy import PURPOSE
from scorelens_console.errors import BadRequestError
from scorelens_reading.resolver import Reference, StoreResolver, read_reference
from scorelens_runtime.errors import ScorelensError
from scorelens_store.contract import Reader, Record

MOST: Final = 1_000
"""Documents that are pulled up at once; `scorelens pull` takes any number."""


@dataclass(frozen=True)
class Pulled:
    """Records that were found, in the order they were asked for, and the names of what was not."""

    found: Sequence[Record]
    missing: Sequence[str]


def read_names(texts: Iterable[tuple[str, str]]) -> list[Reference]:
    """Read texts of a line each; `texts` have where they come from, and the text. Raises BadRequestError."""
    found: dict[str, Reference] = {}
    for where, text in texts:
        for number, line in enumerate(text.splitlines(), 1):
            reference = _reference(line, f"{where}, line {number}")
            if reference:
                found.setdefault(reference.record_id or reference.name, reference)
            if len(found) > MOST:
                raise BadRequestError(f"{where}: more than {MOST:,} documents; `scorelens pull` takes any number")
    return list(found.values())


def pull(reader: Reader, identity: Identity, references: Iterable[Reference]) -> Pulled:
    """Look the documents up."""
    # Of models that they only view, scientists of others see what was scored for production as well.
    resolvers = [*([StoreResolver(reader)] if identity.is_scientist else []), StoreResolver(reader, (PURPOSE,))]
    found: list[Record] = []
    missing: list[str] = []
    for reference in references:
        record = next(filter(None, (resolver.find(reference) for resolver in resolvers)), None)
        if record and record.get("document"):
            found.append(record)
        else:
            missing.append(reference.name)
    return Pulled(found, missing)


def _reference(line: str, where: str) -> Reference | None:
    try:
        return read_reference(line)
    except ScorelensError as error:
        raise BadRequestError(f"{where}: {error}") from error
