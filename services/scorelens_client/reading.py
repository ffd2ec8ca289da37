"""Opening the store of a system, running or not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scorelens_client.home import Home
from scorelens_runtime.errors import ScorelensError
from scorelens_store.contract import Reader
from scorelens_store.open import is_url, open_reader, without_credentials


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
