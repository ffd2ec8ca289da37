"""Where the parts of a system are: named, or found by its folder as the commands find them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from scorelens_client.home import Home
from scorelens_client.reading import Source, open_console, source_of, store_of
from scorelens_client.sdk.errors import UnavailableError
from scorelens_runtime.endpoint import Endpoint
from scorelens_runtime.errors import SettingError
from scorelens_runtime.home import default_home
from scorelens_runtime.secrets import Secret
from scorelens_store.contract import Reader
from scorelens_store.open import is_url, open_reader, without_credentials


@dataclass(frozen=True)
class Places:
    """A system's folder, and what was named instead of what is found in it."""

    home: Home
    target: str | None = None
    source: Source = field(default_factory=Source)

    @classmethod
    def of(
        cls,
        target: str | None,
        home: str | os.PathLike[str] | None,
        store: str | os.PathLike[str] | None,
        console: str | None = None,
        token: str | None = None,
    ) -> Places:
        """Check and keep what was named. Raises SettingError for an address that cannot be one."""
        if target is not None:
            Endpoint.parse(target)
        folder = default_home() if home is None else Path(home).expanduser().absolute()
        source = source_of(None if store is None else _store_name(os.fspath(store)), console, "console")
        return cls(Home(folder), target, source if token is None else _signed_in(source, token))

    def sidecar(self) -> str:
        """Return the address to call. Raises UnavailableError that says how to start a system."""
        if self.target is not None:
            return self.target
        system = self.home.running()
        if system is None:
            raise UnavailableError(
                f"no system runs in {self.home.path}: start one with `scorelens up`, set SCORELENS_HOME to the folder "
                "of one that runs, or name it: Client(home=…), or its sidecar: Client('HOST:PORT')"
            )
        return system.sidecar

    def records(self) -> tuple[str, Callable[[], Reader]]:
        """Return the name of what records are read from, and what opens it. Raises UnavailableError as `store` does."""
        access = self.source.console
        if access is not None:
            return access.url, partial(open_console, access)
        where = self.store()
        return where, partial(open_reader, where)

    def store(self) -> str:
        """Return where the records are. Raises UnavailableError where nothing was ever stored, or a console is read."""
        if self.source.console is not None:
            raise UnavailableError(
                f"records are read through the console {self.source.console.url}, and this needs their store: "
                "Client(store=…)"
            )
        where = store_of(self.home, self.source.store)
        if is_url(where) or Path(where).is_dir():
            return where
        if self.source.store is not None:
            raise UnavailableError(
                f"store: there is no folder {without_credentials(where)}; name one, or a URL such as http://localhost:9200"
            )
        raise UnavailableError(
            f"nothing is stored in {where} yet: start a system with `scorelens up` and score something, or name the "
            "folder of another one: Client(home=…), or its store: Client(store=…)"
        )


def _store_name(store: str) -> str:
    return store if is_url(store) else str(Path(store).expanduser().absolute())


def _signed_in(source: Source, token: str) -> Source:
    if source.console is None:
        raise SettingError("token: it is for a console; name that as well, console=…")
    return replace(source, console=replace(source.console, token=Secret(token)))
