"""Stores to export from."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scorelens_store.contract import Store
from scorelens_store.open import open_store
from tests.scorelens_store.conftest import STORES, drop


@dataclass
class Source:
    """A store, where it is, and the variables that a command needs to read it."""

    store: Store
    where: str
    variables: dict[str, str]


@pytest.fixture(params=STORES)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source]:
    """An empty store of each kind."""
    if request.param == "embedded":
        store = open_store(tmp_path / "store")
        yield Source(store, str(tmp_path / "store"), {})
        store.close()
        return
    url: str = request.getfixturevalue("elasticsearch_url")
    prefix = f"test-{secrets.token_hex(6)}"
    store = open_store(url, prefix=prefix, replicas="0", period="month")
    yield Source(store, url, {"SCORELENS_ELASTICSEARCH_PREFIX": prefix})
    drop(url, prefix)
    store.close()
