"""Dead letters in Elasticsearch, to be looked at beside the records.

The files of indexers stay the truth: this index mirrors what the files keep, without the spans themselves. Each indexer
looks after its own letters, so that several share the index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from scorelens_store.elasticsearch.bulk import Bulk, Change
from scorelens_store.elasticsearch.connection import Connection
from scorelens_store.elasticsearch.dead_letters import MAPPINGS, SETTINGS, dead_letters_name
from scorelens_store.elasticsearch.settings import from_environment, read_prefix

MOST: Final = 10_000
"""Letters of one indexer that are mirrored, the newest; what one search of the server lists."""


def open_dead_letters(url: str, indexer: str) -> DeadLetterIndex:
    """Open the index beside the records of a store, for the letters of one indexer. Raises SettingError."""
    address, mark, prefix = url.partition("#")
    settings = from_environment()
    settings = replace(settings, prefix=read_prefix(prefix)) if mark else settings
    connection = Connection(address, settings)
    bulk = Bulk(connection, settings.bulk_bytes, settings.retries)
    return DeadLetterIndex(connection, bulk, dead_letters_name(settings.prefix), indexer)


class DeadLetterIndex:
    """The letters of one indexer."""

    def __init__(self, connection: Connection, bulk: Bulk, index: str, indexer: str) -> None:
        self._connection, self._bulk, self._index, self._indexer = connection, bulk, index, indexer

    def mirror(self, letters: Mapping[str, Mapping[str, Any]]) -> tuple[int, int]:
        """Have exactly these letters there, by record id; return how many were added and removed.

        Raises StoreUnavailableError; then the next call does what is left.
        """
        there = self._there()
        new = [
            Change("index", self._index, self._name(one), orjson.dumps(letters[one])) for one in letters.keys() - there
        ]
        gone = [Change("delete", self._index, self._name(one)) for one in there - letters.keys()]
        self._bulk.send([*new, *gone])
        return len(new), len(gone)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _there(self) -> set[str]:
        """Return which letters are there; make the index where there is none."""
        body = {"query": {"term": {"indexer.id": self._indexer}}, "size": MOST, "_source": False}
        found = self._connection.request("POST", f"/{self._index}/_search?filter_path=hits.hits._id", body)
        if found is None:
            self._connection.change("PUT", f"/{self._index}", {"settings": SETTINGS, "mappings": MAPPINGS})
        rows: Sequence[dict[str, Any]] = (found or {}).get("hits", {}).get("hits", ())
        return {row["_id"].removeprefix(f"{self._indexer}-") for row in rows}

    def _name(self, record_id: str) -> str:
        # Two indexers can have put the same span aside, each in files of its own.
        return f"{self._indexer}-{record_id}"
