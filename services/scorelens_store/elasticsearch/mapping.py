"""The mapping: how each field of a record is indexed (pure).

Dates are indexed twice: as `date` for Kibana, which keeps milliseconds, and exactly, as whole microseconds, in
fields of their own that this store searches, sorts and counts by.
"""

from __future__ import annotations

from typing import Any, Final

from scorelens_store.contract import Record
from scorelens_store.elasticsearch.unindexed import UNINDEXED, joined, split
from scorelens_store.fields import ALIASES, FIELDS, OPEN_FIELDS, Type
from scorelens_store.values import KEYWORD_LIMIT, Values

VERSION: Final = 2
"""Version of everything below and of the templates; what a newer version wrote stays."""

NEW_FIELDS: Final[dict[int, tuple[str, ...]]] = {2: ()}
"""Fields that came with a version; records that were indexed by an older one are not found by them."""

STANDARD: Final = "standard"
"""The analyzer that says what a word is, in every store."""

ANALYZED: Final = "analyzed"
"""Field within each text field that a language's analyzer has indexed, where one is set."""

COPY_OF: Final = "copy_of"
"""Member of a mapping's `_meta` that names the index whose records were indexed anew."""

EXACT: Final = "microseconds"
"""Member of a stored document that holds its dates as microseconds since 1970."""

EXACT_DATES: Final = {"@timestamp": f"{EXACT}.time", "document.published_time": f"{EXACT}.published"}
"""Field with the microseconds of each date field."""

NUMBERS: Final = tuple(prefix[:-1] for prefix, kind in OPEN_FIELDS.items() if kind is Type.FLOAT)
"""Objects with a number field per tag."""

_SOURCE_ONLY: Final = ("calculation", "titles", "groups", UNINDEXED)
_TYPES: Final[dict[Type, dict[str, Any]]] = {
    # No phrase, however loose, reaches from one value of a field to the next.
    Type.TEXT: {"type": "text", "analyzer": STANDARD, "position_increment_gap": 1000},
    Type.KEYWORD: {"type": "keyword", "ignore_above": KEYWORD_LIMIT},
    Type.FLOAT: {"type": "float"},
    Type.INTEGER: {"type": "long"},
    # What only Python reads as a date is searched by its microseconds all the same.
    Type.DATE: {"type": "date", "ignore_malformed": True},
    Type.BOOLEAN: {"type": "boolean"},
}


def to_source(record: Record, values: Values) -> Record:
    """Return what is stored for a record."""
    exact = {path.rpartition(".")[2]: values[name][0] for name, path in EXACT_DATES.items() if values.get(name)}
    return {**split(record), EXACT: exact}


def to_record(source: dict[str, Any]) -> Record:
    """Return the record that was stored; undoes `to_source`."""
    source.pop(EXACT, None)
    return joined(source)


def build_mappings(analyzer: str = STANDARD) -> dict[str, Any]:
    """Return the mapping: fixed fields, one open object per kind of number, flattened attributes, short names.

    `_meta` says by what all records of an index were indexed; fields that an index gets later on do not change it.
    """
    properties: dict[str, Any] = {}
    for field in FIELDS.values():
        _place(properties, field.name, _text(analyzer) if field.type is Type.TEXT else _TYPES[field.type])
    for path in EXACT_DATES.values():
        _place(properties, path, {"type": "long"})
    for prefix, kind in OPEN_FIELDS.items():
        _place(properties, prefix[:-1], _open(kind))
    for name in _SOURCE_ONLY:
        properties[name] = {"type": "object", "enabled": False}
    for short, name in ALIASES.items():
        # An alias cannot have the name of an object; `model:` and its like are known to the query language alone.
        properties.setdefault(short, {"type": "alias", "path": name})
    return {
        "_meta": {"version": VERSION, "analyzer": analyzer},
        "dynamic": False,
        "dynamic_templates": [
            {"numbers": {"path_match": [f"{name}.*" for name in NUMBERS], "mapping": _TYPES[Type.FLOAT]}}
        ],
        "properties": properties,
    }


def count_fields(mappings: dict[str, Any]) -> int:
    """Count the fields of a mapping as the limit on them does: objects and aliases are fields, too."""
    parts = {**mappings.get("properties", {}), **mappings.get("fields", {})}
    return len(parts) + sum(count_fields(part) for part in parts.values())


def _text(analyzer: str) -> dict[str, Any]:
    if analyzer == STANDARD:
        return _TYPES[Type.TEXT]
    # Only whether a text has a word is asked of it, and how much that weighs: positions and offsets are not needed.
    return _TYPES[Type.TEXT] | {"fields": {ANALYZED: {"type": "text", "analyzer": analyzer, "index_options": "freqs"}}}


def _open(kind: Type) -> dict[str, Any]:
    if kind is Type.FLOAT:
        return {"type": "object", "dynamic": True, "subobjects": False}
    return {"type": "flattened", "ignore_above": KEYWORD_LIMIT}


def _place(properties: dict[str, Any], name: str, mapping: dict[str, Any]) -> None:
    *parents, last = name.split(".")
    for parent in parents:
        properties = properties.setdefault(parent, {"properties": {}})["properties"]
    properties[last] = mapping
