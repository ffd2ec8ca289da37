"""What was forgotten, as keyed hashes in an index of its own: enough to refuse it, too little to read it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

import orjson

from scorelens_store.elasticsearch.bulk import Bulk, Change
from scorelens_store.elasticsearch.connection import Connection
from scorelens_store.errors import QueryError, StoreUnavailableError
from scorelens_store.values import Values

FIELDS: Final = ("record.id", "document.id", "customer.id")
"""Fields by whose values records are forgotten."""

_KEY: Final = "key"
_SIZE: Final = 16
_ASKED_AT_ONCE: Final = 10_000
_INDEX: Final = {
    "settings": {"index": {"number_of_shards": 1, "auto_expand_replicas": "0-1", "hidden": True}},
    "mappings": {"dynamic": False, "properties": {"hash": {"type": "keyword"}}},
}


class Tombstones:
    """Hashes of the ids that are kept out; the key is a document of the same index."""

    def __init__(self, connection: Connection, bulk: Bulk, prefix: str) -> None:
        self.index = f"{prefix}-forgotten"
        self._connection, self._bulk = connection, bulk
        self._found_key: bytes | None = None

    def add(self, field: str, values: Iterable[str]) -> None:
        """Keep values of a field out from now on."""
        key = self._key() or self._make_key()
        hashes = {_hash(key, field, value) for value in values}
        self._write({found: {"hash": found} for found in hashes})

    def covered(self, records: Sequence[Values]) -> list[bool]:
        """Tell of each record whether it was forgotten."""
        key = self._key()
        if key is None:
            return [False] * len(records)
        hashes = [
            {_hash(key, field, str(value)) for field in FIELDS for value in values.get(field, ())} for values in records
        ]
        known = self._known(set[str]().union(*hashes))
        return [not known.isdisjoint(own) for own in hashes]

    def _known(self, hashes: set[str]) -> set[str]:
        known: set[str] = set()
        wanted = sorted(hashes)
        for start in range(0, len(wanted), _ASKED_AT_ONCE):
            some = wanted[start : start + _ASKED_AT_ONCE]
            body = {"query": {"terms": {"hash": some}}, "size": len(some), "_source": False}
            path = f"/{self.index}/_search?ignore_unavailable=true&filter_path=hits.hits._id"
            found: dict[str, Any] = self._connection.request("POST", path, body) or {}
            known.update(hit["_id"] for hit in found.get("hits", {}).get("hits", ()))
        return known

    def _key(self) -> bytes | None:
        if self._found_key is None:
            found = self._connection.request("GET", f"/{self.index}/_doc/{_KEY}") or {}
            if found.get("found"):
                self._found_key = bytes.fromhex(found["_source"][_KEY])
        return self._found_key

    def _make_key(self) -> bytes:
        # Whoever comes first makes the index and the key; everybody reads the key back.
        try:
            self._connection.request("PUT", f"/{self.index}", _INDEX)
        except QueryError as exc:
            if "exists" not in exc.reason:
                raise StoreUnavailableError(f"{self._connection.where} refuses an index: {exc.reason}") from exc
        self._write({_KEY: {_KEY: secrets.token_hex(_SIZE)}})
        key = self._key()
        if key is None:
            raise AssertionError("the key that was just written is not there")
        return key

    def _write(self, documents: Mapping[str, Mapping[str, str]]) -> None:
        answers = self._bulk.send(
            [Change("create", self.index, name, orjson.dumps(source)) for name, source in documents.items()]
        )
        for answer in answers:
            if answer.status not in (201, 409):
                raise StoreUnavailableError(f"{self._connection.where} refuses a tombstone: {answer.reason}")


def _hash(key: bytes, field: str, value: str) -> str:
    return blake2b(f"{field}\0{value}".encode(), digest_size=_SIZE, key=key).hexdigest()
