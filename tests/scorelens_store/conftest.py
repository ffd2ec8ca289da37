"""Stores to run the contract's tests on."""

from __future__ import annotations

import contextlib
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from scorelens_store.contract import Store
from scorelens_store.open import open_store
from tests.scorelens_store.records import corpus

STORES = ["embedded", pytest.param("elasticsearch", marks=pytest.mark.elasticsearch)]


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


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of each kind."""
    yield from open_kind(request.param, request, tmp_path)


@pytest.fixture(scope="module", params=STORES)
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store of each kind with the corpus in it, in several commits; tests leave it as it is."""
    for store in open_kind(request.param, request, tmp_path_factory.mktemp("filled")):
        records = corpus()
        for start in range(0, len(records), 25):
            store.put(records[start : start + 25])
        yield store
