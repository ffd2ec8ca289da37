"""Stores to run the contract's tests on."""

from __future__ import annotations

import contextlib
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from scorelens_runtime.secrets import Secret
from scorelens_store.contract import Reader, Record, Store
from scorelens_store.open import open_store
from tests.scorelens_store.records import corpus

STORES = ["embedded", pytest.param("elasticsearch", marks=pytest.mark.elasticsearch)]
SYSTEMS = ["embedded", pytest.param("elasticsearch", marks=(pytest.mark.elasticsearch, pytest.mark.heavy))]
"""The same for whole systems, which take long on a server."""
CONSOLE = "console"
READERS = [*STORES, CONSOLE]
"""What reads records: the stores, and a console on the embedded one."""


def open_kind(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Store]:
    """Yield an empty store of a kind, and remove what an Elasticsearch has of it."""
    if kind == "embedded":
        store = open_store(folder)
        yield store
    else:
        from scorelens_store.elasticsearch import ElasticsearchSettings

        url: str = request.getfixturevalue("elasticsearch_url")
        settings = ElasticsearchSettings(prefix=f"test-{secrets.token_hex(6)}", period="month", replicas="0")
        store = open_store(url, settings)
        yield store
        drop(url, settings.prefix)
    store.close()


def drop(url: str, prefix: str) -> None:
    """Remove all that a prefix has on a server."""
    with urllib.request.urlopen(f"{url}/_cat/indices/{prefix}*?h=index&expand_wildcards=all", timeout=30) as answer:
        names = answer.read().decode().split()
    for path in [*names, f"_index_template/{prefix}", f"_component_template/{prefix}@*"]:
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen(urllib.request.Request(f"{url}/{path}", method="DELETE"), timeout=30).close()


@contextlib.contextmanager
def through_a_console(folder: Path) -> Iterator[Reader]:
    """Yield a reader of a console on an embedded store, for somebody who sees everything."""
    from scorelens_client.console.reader import ConsoleReader
    from scorelens_client.console.settings import AccessSettings
    from tests.scorelens_console.running import running

    with running(folder.parent / f"{folder.name}-console", store=str(folder)) as console:
        access = AccessSettings(url=console.url, token=Secret(console.token("scientist")))
        with contextlib.closing(ConsoleReader(access)) as reader:
            yield reader


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of each kind."""
    yield from open_kind(request.param, request, tmp_path)


@pytest.fixture(scope="module", params=READERS)
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A store of each kind with the corpus in it, in several commits; tests leave it as it is."""
    yield from filled_with(corpus(), 25, request, tmp_path_factory.mktemp("filled"))


def filled_with(records: list[Record], together: int, request: pytest.FixtureRequest, folder: Path) -> Iterator[Reader]:
    """Yield what reads records that were put some at a time, in the way that a fixture has as its parameter."""
    by_console = request.param == CONSOLE
    for store in open_kind("embedded" if by_console else request.param, request, folder):
        for start in range(0, len(records), together):
            store.put(records[start : start + together])
        with through_a_console(folder) if by_console else contextlib.nullcontext(store) as reader:
            yield reader
