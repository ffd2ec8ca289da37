"""What records are read from: a console, or the store of a system, running or not."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from scorelens_client.console.settings import AccessSettings, from_environment, read_url
from scorelens_client.home import Home
from scorelens_runtime.errors import ScorelensError, SettingError
from scorelens_store.contract import Reader
from scorelens_store.open import is_url, open_reader, without_credentials


@dataclass(frozen=True)
class Source:
    """A console, or a store that was named; where neither is, the system's own store is meant."""

    store: str | None = None
    console: AccessSettings | None = None


def source_of(
    store: str | None, console: str | None, name: str = "--console", environment: Mapping[str, str] = os.environ
) -> Source:
    """Return what was named, of which a store wins over the environment's console; `name` is what errors say.

    Raises SettingError.
    """
    if store:
        if console:
            raise SettingError(f"{name}: a store and a console are named; give one of them")
        return Source(store)
    access = from_environment(environment)
    if console:
        try:
            access = replace(access, url=read_url(console))
        except SettingError as error:
            raise SettingError(f"{name}: {error}") from error
    return Source(console=access if access.url else None)


def store_of(home: Home, named: str | None) -> str:
    """Return where records are: what was named, the running system's store, or the folder's own."""
    if named:
        return named
    system = home.running()
    return system.store if system else home.last_store()


def open_console(access: AccessSettings) -> Reader:
    """Read through a console. Raises SettingError where no token is named."""
    from scorelens_client.console.reader import ConsoleReader  # and its libraries

    return ConsoleReader(access)


@contextmanager
def open_source(home: Home, source: Source) -> Iterator[Reader]:
    """Open what was named for reading. Raises SettingError, StoreUnavailableError, ScorelensError."""
    if source.console is None:
        with open_store(home, source.store) as reader:
            yield reader
    else:
        with closing(open_console(source.console)) as reader:
            yield reader


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
