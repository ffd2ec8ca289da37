"""The index template: how each field of a record is indexed (pure).

Dates are indexed twice: as `date` for Kibana, which keeps milliseconds, and exactly, as whole microseconds, in
fields of their own that this store searches, sorts and counts by.
"""

from __future__ import annotations

from typing import Any, Final

from scorelens_store.contract import Record
from scorelens_store.elasticsearch.indices import index_pattern
from scorelens_store.elasticsearch.settings import ElasticsearchSettings
from scorelens_store.fields import ALIASES, FIELDS, OPEN_FIELDS, Type
from scorelens_store.values import KEYWORD_LIMIT, Values

VERSION: Final = 1
"""Version of everything below; a template that a newer version wrote stays."""

EXACT: Final = "microseconds"
"""Member of a stored document that holds its dates as microseconds since 1970."""

EXACT_DATES: Final = {"@timestamp": f"{EXACT}.time", "document.published_time": f"{EXACT}.published"}
"""Field with the microseconds of each date field."""

NUMBERS: Final = tuple(prefix[:-1] for prefix, kind in OPEN_FIELDS.items() if kind is Type.FLOAT)
"""Objects with a number field per tag."""

_SOURCE_ONLY: Final = ("calculation", "titles", "groups")
_TYPES: Final[dict[Type, dict[str, Any]]] = {
    # No phrase, however loose, reaches from one value of a field to the next.
    Type.TEXT: {"type": "text", "analyzer": "standard", "position_increment_gap": 1000},
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
    return {**record, EXACT: exact}


def to_record(source: dict[str, Any]) -> Record:
    """Return the record that was stored; undoes `to_source`."""
    source.pop(EXACT, None)
    return source


def index_template(settings: ElasticsearchSettings) -> dict[str, Any]:
    """Return the template that makes every index of a prefix; its alias, named as the prefix, reads them all."""
    mappings = build_mappings()
    replicas = "auto_expand_replicas" if "-" in settings.replicas else "number_of_replicas"
    return {
        "index_patterns": [index_pattern(settings.prefix)],
        # Of two prefixes of which one begins the other, the longer one is meant.
        "priority": 200 + len(settings.prefix),
        "version": VERSION,
        "_meta": {"period": settings.period, "description": "Records of scorelens"},
        "template": {
            "aliases": {settings.prefix: {}},
            "mappings": mappings,
            "settings": {
                "index": {
                    "number_of_shards": settings.shards,
                    replicas: settings.replicas,
                    # What is forgotten can be merged out of any segment, however little of it was removed.
                    "merge": {"policy": {"expunge_deletes_allowed": 0}},
                    "mapping": {
                        "total_fields": {
                            "limit": count_fields(mappings) + settings.number_fields,
                            "ignore_dynamic_beyond_limit": True,
                        },
                        "field_name_length": {"limit": 512},
                    },
                }
            },
        },
    }


def build_mappings() -> dict[str, Any]:
    """Return the mapping: fixed fields, one open object per kind of number, flattened attributes, short names."""
    properties: dict[str, Any] = {}
    for field in FIELDS.values():
        _place(properties, field.name, _TYPES[field.type])
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
        "dynamic": False,
        "dynamic_templates": [
            {"numbers": {"path_match": [f"{name}.*" for name in NUMBERS], "mapping": _TYPES[Type.FLOAT]}}
        ],
        "properties": properties,
    }


def count_fields(mappings: dict[str, Any]) -> int:
    """Count the fields of a mapping as the limit on them does: objects and aliases are fields, too."""
    properties = mappings.get("properties", {})
    return len(properties) + sum(count_fields(part) for part in properties.values())


def _open(kind: Type) -> dict[str, Any]:
    if kind is Type.FLOAT:
        return {"type": "object", "dynamic": True, "subobjects": False}
    return {"type": "flattened", "ignore_above": KEYWORD_LIMIT}


def _place(properties: dict[str, Any], name: str, mapping: dict[str, Any]) -> None:
    *parents, last = name.split(".")
    for parent in parents:
        properties = properties.setdefault(parent, {"properties": {}})["properties"]
    properties[last] = mapping
