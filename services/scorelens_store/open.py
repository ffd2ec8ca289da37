"""Opens the store that a setting names: a folder, or the address of Elasticsearch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scorelens_store.contract import Reader, Store

if TYPE_CHECKING:
    from scorelens_store.elasticsearch import ElasticsearchSettings


def is_url(where: str | Path) -> bool:
    """Tell whether a store is Elasticsearch rather than a folder."""
    return isinstance(where, str) and where.startswith(("http://", "https://"))


def open_reader(where: str | Path, settings: ElasticsearchSettings | None = None, **changes: Any) -> Reader:
    """Open a store for reading.

    `settings` are Elasticsearch's, from the environment where they are not given; `changes` replace single ones.
    """
    if is_url(where):
        return _elasticsearch(str(where), settings, changes)
    from scorelens_store.embedded import open_reader as open_embedded

    return open_embedded(Path(where))


def open_store(where: str | Path, settings: ElasticsearchSettings | None = None, **changes: Any) -> Store:
    """Open a store for reading and writing; a folder is refused while another process writes to it."""
    if is_url(where):
        return _elasticsearch(str(where), settings, changes)
    from scorelens_store.embedded import open_writer

    return open_writer(Path(where))


def _elasticsearch(url: str, settings: ElasticsearchSettings | None, changes: dict[str, Any]) -> Store:
    # Each store's library is imported only by those who use it.
    from scorelens_store.elasticsearch import open_store as open_elasticsearch

    return open_elasticsearch(url, settings, **changes)
