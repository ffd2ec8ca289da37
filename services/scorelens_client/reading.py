"""Opening the store of a system, running or not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scorelens_client.home import Home
from scorelens_runtime.errors import ScorelensError
from scorelens_store.contract import Reader
from scorelens_store.fields import FIELDS
from scorelens_store.open import is_url, open_reader, without_credentials
from scorelens_store.query.tree import Any as AnyOf
from scorelens_store.query.tree import Equals, Node


def store_of(home: Home, named: str | None) -> str:
    """Return where records are: what was named, the running system's store, or the folder's own."""
    if named:
        return named
    system = home.running()
    return system.store if system else home.last_store()


@contextmanager
def open_store(home: Home, named: str | None = None) -> Iterator[Reader]:
    """Open the store for reading. Raises StoreUnavailableError, ScorelensError where nothing was ever stored."""
    where = store_of(home, named)
    if not is_url(where) and not Path(where).is_dir():
        if named:
            raise ScorelensError(
                f"--store: there is no folder {without_credentials(where)}; name one, or a URL such as http://localhost:9200"
            )
        raise ScorelensError(f"nothing is stored in {where} yet: start a system with `scorelens up`, or name --home")
    reader = open_reader(where)
    try:
        yield reader
    finally:
        reader.close()


def named(field: str, *values: str) -> Node:
    """Return a query for any of some keywords, taken as they are; what is not Unicode matches nothing."""
    texts = (value.encode("utf-8", "replace").decode() for value in values)
    parts = tuple(Equals(FIELDS[field], text) for text in texts)
    return parts[0] if len(parts) == 1 else AnyOf(parts)
