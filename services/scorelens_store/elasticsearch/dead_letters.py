"""The index of dead letters beside the records, by which Kibana shows what could not be stored, and why (pure)."""

from __future__ import annotations

from typing import Any, Final

from scorelens_store.values import KEYWORD_LIMIT

_KEYWORD: Final = {"type": "keyword", "ignore_above": KEYWORD_LIMIT}
_REASON: Final = {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 1000}}}
_ID: Final = {"properties": {"id": _KEYWORD}}
MAPPINGS: Final[dict[str, Any]] = {
    "dynamic": False,
    "properties": {
        "@timestamp": {"type": "date"},
        "reason": _REASON,
        "bytes": {"type": "long"},
        "record": _ID,
        "document": _ID,
        "trace": _ID,
        "span": _ID,
        "indexer": _ID,
    },
}
SETTINGS: Final = {"index": {"number_of_shards": 1, "auto_expand_replicas": "0-1"}}


def dead_letters_name(prefix: str) -> str:
    """Return the name of the index, which no pattern of records takes in."""
    return f"{prefix}-dead-letters"
