"""Opens the store that a setting names: a folder, or the address of Elasticsearch, `https://host:9200#prefix`.

What follows # is the prefix of the records' indices; without it the settings say it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scorelens_runtime.errors import SettingError
from scorelens_runtime.home import default_home
from scorelens_store.contract import Reader, Store

if TYPE_CHECKING:
    from scorelens_store.elasticsearch import ElasticsearchSettings


def is_url(where: str | Path) -> bool:
    """Tell whether a store is Elasticsearch rather than a folder."""
    return isinstance(where, str) and where.startswith(("http://", "https://"))


def read_store(text: str) -> str:
    """Read the folder or the URL of a store; nothing means SCORELENS_HOME/store. Raises SettingError."""
    if re.fullmatch(r"[^/\\]+:\d+", text) or ("://" in text and not is_url(text)):
        raise SettingError(
            f"{without_credentials(text)!r} is neither a folder nor a URL, such as http://localhost:9200"
        )
    if is_url(text):
        return text
    return str(Path(text).expanduser().absolute() if text else default_home() / "store")


def without_credentials(where: str) -> str:
    """Return the address of a store, or what was meant to be one, without names and passwords, to be shown or kept."""
    return ",".join(re.sub(r"://.*@", "://", each, flags=re.DOTALL) for each in re.split(r",(?=\s*https?://)", where))


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


def with_prefix(where: str) -> str:
    """Complete the address of a store, so that whoever is told it finds the same records, whatever its settings.

    Raises SettingError for wrong settings of Elasticsearch.
    """
    if not is_url(where) or "#" in where:
        return where
    from scorelens_store.elasticsearch.settings import ElasticsearchSettings, from_environment

    prefix = from_environment().prefix
    return where if prefix == ElasticsearchSettings().prefix else f"{where}#{prefix}"


def _elasticsearch(url: str, settings: ElasticsearchSettings | None, changes: dict[str, Any]) -> Store:
    # Each store's library is imported only by those who use it.
    from scorelens_store.elasticsearch import open_store as open_elasticsearch
    from scorelens_store.elasticsearch.settings import read_prefix

    address, mark, prefix = url.partition("#")
    if mark:
        changes = {"prefix": read_prefix(prefix), **changes}
    return open_elasticsearch(address, settings, **changes)
