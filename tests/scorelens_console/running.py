"""A console that serves for a test, on an embedded store of its own, and people who are signed in to it by links."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from scorelens_console.access.identity import read_roles
from scorelens_console.access.links import make_link
from scorelens_console.access.tokens import Tokens
from scorelens_console.server import serving
from scorelens_console.settings import ConsoleSettings
from scorelens_console.state import State
from scorelens_runtime.settings import read
from scorelens_store.contract import Store
from scorelens_store.open import open_store


@dataclass
class Running:
    """A console at `url`; its folders, and the writer of its store."""

    url: str
    folder: Path
    store: Store
    _stack: ExitStack = field(repr=False)

    @property
    def state(self) -> State:
        """Open the console's own state, as its commands do."""
        return State(self.folder)

    def visitor(self) -> httpx.Client:
        """Return somebody who is not signed in."""
        return self._stack.enter_context(httpx.Client(base_url=self.url, timeout=60))

    def person(self, roles: str = "viewer", name: str = "") -> httpx.Client:
        """Return somebody who is signed in with roles such as `scientist` or `viewer,media-tagger=scientist`.

        Their requests carry what forms have to send back, as the console's own pages have it done.
        """
        client = self.visitor()
        code = make_link(self.state, name or roles, read_roles(roles))
        assert client.get("/signin", params={"code": code}).status_code == 303
        page = client.get("/no-such-page")  # which is as much of a page as it takes
        (client.headers["X-CSRF-Token"],) = re.findall(r"X-CSRF-Token(?:\"|&#34;): (?:\"|&#34;)([\w-]+)", page.text)
        return client

    def program(self, roles: str = "viewer", name: str = "") -> httpx.Client:
        """Return a program that uses the API by a token with such roles."""
        client = self._stack.enter_context(httpx.Client(base_url=f"{self.url}/api/v1", timeout=60))
        client.headers["Authorization"] = f"Bearer {self.token(roles, name)}"
        return client

    def token(self, roles: str = "viewer", name: str = "") -> str:
        """Return a new token with such roles."""
        return Tokens(self.state).create(name or roles, read_roles(roles))[1]


@contextmanager
def running(folder: Path, records: Sequence[dict[str, Any]] = (), **texts: str) -> Iterator[Running]:
    """Run a console until the end of the block; `texts` are settings by field, as flags have them."""
    with ExitStack() as stack:
        store = open_store(folder / "store")
        stack.callback(store.close)
        if records:
            store.put(records)
        given = {"listen": "127.0.0.1:0", "store": str(folder / "store"), "folder": str(folder / "console")} | texts
        settings = read(ConsoleSettings, "console", given)
        server = stack.enter_context(serving(settings))
        yield Running(f"http://{server.address}", settings.folder, store, stack)
