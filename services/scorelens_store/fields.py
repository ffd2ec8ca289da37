"""The fields of a record that can be searched: one table for every store and for the query language.

A record is what `scorelens_indexer` makes of a span; its shape is described in docs/records.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Type(StrEnum):
    """How a field's values are indexed."""

    TEXT = "text"  # analysed words of any length
    KEYWORD = "keyword"  # the value as a whole, case matters
    FLOAT = "float"  # 32 bits
    INTEGER = "integer"  # 64 bits, signed
    DATE = "date"  # RFC 3339, UTC, microseconds
    BOOLEAN = "boolean"


@dataclass(frozen=True)
class Field:
    """A searchable field: its full dotted name in the record and its type."""

    name: str
    type: Type


FIELDS: Final = {
    name: Field(name, Type(kind))
    for kind, names in {
        "date": ("@timestamp", "document.published_time"),
        "text": ("document.title", "document.text", "activity.text"),
        "keyword": (
            "record.id",
            "record.type",
            "purpose",
            "trace.id",
            "span.id",
            "rpc.service",
            "rpc.method",
            "rpc.status",
            "call.end",
            "call.truncated",
            "document.id",
            "document.kind",
            "document.language",
            "document.author",
            "document.source",
            "document.source_uri",
            "customer.id",
            "activity.type",
            "activity.product",
            "activity.currency",
            "model.id",
            "model.version",
            "tags",
            "because",
            "service.name",
            "service.instance.id",
            "deployment.environment.name",
            "flags",
        ),
        "integer": (
            "schema_version",
            "document.audience",
            "document.length",
            "rpc.request_bytes",
            "rpc.answer_bytes",
            "message.number",
            "document.number",
        ),
        "float": ("rpc.duration_ms", "sampling.probability"),
    }.items()
    for name in names
}
"""The fixed fields, by full name."""

OPEN_FIELDS: Final = {
    "score.": Type.FLOAT,
    "margin.": Type.FLOAT,
    "threshold.": Type.FLOAT,
    "document.attributes.": Type.KEYWORD,
    "resource.": Type.KEYWORD,
    "labels.": Type.KEYWORD,
}
"""Prefixes under which any name is a field: one field per tag, attribute, resource attribute or label.

Labels hold strings, numbers and booleans and are indexed by their text, as JSON writes it.
"""

ALIASES: Final = {
    "kind": "document.kind",
    "text": "document.text",
    "title": "document.title",
    "id": "document.id",
    "language": "document.language",
    "author": "document.author",
    "source": "document.source",
    "audience": "document.audience",
    "published": "document.published_time",
    "length": "document.length",
    "tag": "tags",
    "customer": "customer.id",
    "model": "model.id",
    "version": "model.version",
    "record": "record.type",
    "status": "rpc.status",
    "duration": "rpc.duration_ms",
    "environment": "deployment.environment.name",
    "time": "@timestamp",
}
"""Short names, the same in every store; in Elasticsearch they are `alias` fields."""

DEFAULT_FIELDS: Final = ("document.title", "document.text", "activity.text")
"""Where words without a field are looked for."""

OPEN_NAME: Final = re.compile(r"[^\s*]+")


def find_field(name: str) -> Field | None:
    """Resolve a full or short name to its field; None when no record has such a field."""
    if name.startswith("label."):
        name = "labels." + name.removeprefix("label.")
    if name.startswith("attributes."):
        name = "document." + name
    name = ALIASES.get(name, name)
    if name in FIELDS:
        return FIELDS[name]
    for prefix, kind in OPEN_FIELDS.items():
        if name.startswith(prefix) and OPEN_NAME.fullmatch(name.removeprefix(prefix)):
            return Field(name, kind)
    return None
