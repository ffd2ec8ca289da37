"""What was forgotten, as keyed hashes in an index of its own: enough to refuse it, too little to read it.

Its documents: `key` has this store's own key; `key-…` the key of another store whose hashes were taken over; and one
for each hash, which names the foreign key it was made with.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

import orjson

from scorelens_store.elasticsearch.bulk import Bulk, Change
from scorelens_store.elasticsearch.connection import Connection
from scorelens_store.elasticsearch.templates import FORGOTTEN_INDEX, forgotten_name
from scorelens_store.errors import QueryError, StoreUnavailableError
from scorelens_store.moving import Forgotten
from scorelens_store.values import Values

FIELDS: Final = ("record.id", "document.id", "customer.id")
"""Fields by whose values records are forgotten."""

_KEY: Final = "key"
_FOREIGN: Final = "foreign-key"
"""What stands in place of a hash in the documents that hold foreign keys, so that one search finds them as well."""
_SIZE: Final = 16
_ASKED_AT_ONCE: Final = 9_000
_MOST_KEYS: Final = 500


class Tombstones:
    """Hashes of the ids that are kept out; the keys are documents of the same index."""

    def __init__(self, connection: Connection, bulk: Bulk, prefix: str) -> None:
        self.index = forgotten_name(prefix)
        self._connection, self._bulk = connection, bulk
        self._found_key: bytes | None = None
        self._foreign: frozenset[bytes] = frozenset()

    def add(self, field: str, values: Iterable[str]) -> None:
        """Keep values of a field out from now on."""
        key = self._key() or self._make_key(secrets.token_bytes(_SIZE))
        hashes = {_hash(key, field, value) for value in values}
        self._write({found: {"hash": found} for found in hashes})

    def take(self, forgotten: Forgotten) -> int:
        """Keep out what another store does; return how many hashes are new. A store without a key takes the other's."""
        own = self._key() or self._make_key(forgotten.key)
        by: dict[str, str] = {}
        if forgotten.key != own:
            by = {"by": forgotten.key.hex()}
            self._write({f"key-{_name(forgotten.key)}": {"hash": _FOREIGN, _KEY: forgotten.key.hex()}})
        return self._write({one: {"hash": one, **by} for one in (each.hex() for each in forgotten.hashes)})

    def covered(self, records: Sequence[Values]) -> list[bool]:
        """Tell of each record whether it was forgotten."""
        own = self._key()
        if own is None:
            return [False] * len(records)
        while True:
            keys = {own, *self._foreign}
            hashes = [_hashes(keys, values) for values in records]
            known, foreign = self._known(set[str]().union(*hashes))
            if foreign <= self._foreign:
                return [not known.isdisjoint(each) for each in hashes]
            self._foreign |= foreign  # another process took them over meanwhile

    def count(self) -> int:
        """Return how many there are, from which a put sees whether some came while it was under way."""
        if self._key() is None:
            return 0
        found = self._connection.request("GET", f"/{self.index}/_count?ignore_unavailable=true") or {}
        return int(found.get("count", 0))

    def all(self) -> Iterator[Forgotten]:
        """Yield all hashes with the key that they were made with, some at a time."""
        own = self._key()
        after: list[Any] = []
        while own is not None:
            body = {"query": {"exists": {"field": "hash"}}, "sort": [{"hash": "asc"}], "size": _ASKED_AT_ONCE}
            rows = self._search(body | {"search_after": after} if after else body)
            by_key: dict[bytes, list[bytes]] = {}
            for source in (row["_source"] for row in rows if row["_source"]["hash"] != _FOREIGN):
                key = bytes.fromhex(source.get("by", own.hex()))
                by_key.setdefault(key, []).append(bytes.fromhex(source["hash"]))
            yield from (Forgotten(key, hashes) for key, hashes in by_key.items())
            if len(rows) < _ASKED_AT_ONCE:
                return
            after = rows[-1]["sort"]

    def _known(self, hashes: set[str]) -> tuple[set[str], set[bytes]]:
        """Return which hashes are there, and all foreign keys."""
        known: set[str] = set()
        foreign: set[bytes] = set()
        wanted = sorted(hashes)
        for start in range(0, len(wanted), _ASKED_AT_ONCE):
            some = [*wanted[start : start + _ASKED_AT_ONCE], _FOREIGN]
            body = {"query": {"terms": {"hash": some}}, "size": len(some) + _MOST_KEYS, "_source": [_KEY]}
            for row in self._search(body):
                if key := row.get("_source", {}).get(_KEY):
                    foreign.add(bytes.fromhex(key))
                else:
                    known.add(row["_id"])
        return known, foreign

    def _search(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        path = f"/{self.index}/_search?ignore_unavailable=true&allow_partial_search_results=false"
        fields = "filter_path=hits.hits._id,hits.hits._source,hits.hits.sort"
        found = self._connection.request("POST", f"{path}&{fields}", body | {"track_total_hits": False}) or {}
        rows: list[dict[str, Any]] = found.get("hits", {}).get("hits", [])
        return rows

    def _key(self) -> bytes | None:
        if self._found_key is None:
            found = self._connection.request("GET", f"/{self.index}/_doc/{_KEY}") or {}
            if found.get("found"):
                self._found_key = bytes.fromhex(found["_source"][_KEY])
        return self._found_key

    def _make_key(self, wanted: bytes) -> bytes:
        # Whoever comes first makes the index and the key; everybody reads the key back.
        try:
            self._connection.request("PUT", f"/{self.index}", FORGOTTEN_INDEX)
        except QueryError as exc:
            if "exists" not in exc.reason:
                raise StoreUnavailableError(f"{self._connection.where} refuses an index: {exc.reason}") from exc
        self._write({_KEY: {_KEY: wanted.hex()}})
        key = self._key()
        if key is None:
            raise AssertionError("the key that was just written is not there")
        return key

    def _write(self, documents: Mapping[str, Mapping[str, str]]) -> int:
        """Write what is not there yet; return how many that were."""
        answers = self._bulk.send(
            [Change("create", self.index, name, orjson.dumps(source)) for name, source in documents.items()]
        )
        for answer in answers:
            if answer.status not in (201, 409):
                raise StoreUnavailableError(f"{self._connection.where} refuses a tombstone: {answer.reason}")
        return sum(answer.status == 201 for answer in answers)


def _hashes(keys: Iterable[bytes], values: Values) -> set[str]:
    return {_hash(key, field, str(value)) for key in keys for field in FIELDS for value in values.get(field, ())}


def _hash(key: bytes, field: str, value: str) -> str:
    return blake2b(f"{field}\0{value}".encode(), digest_size=_SIZE, key=key).hexdigest()


def _name(key: bytes) -> str:
    """Return what a key is called, which does not tell it."""
    return blake2b(key, digest_size=8).hexdigest()
