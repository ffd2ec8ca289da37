"""The templates that make every index of a prefix (pure).

An index is composed of three component templates, the later ones win:

PREFIX@mappings   how each field is indexed
PREFIX@settings   shards, replicas, codec, limits
PREFIX@custom     whatever a platform engineer adds; it need not exist, and is never written here
"""

from __future__ import annotations

from typing import Any, Final

from scorelens_store.elasticsearch.indices import index_pattern
from scorelens_store.elasticsearch.mapping import VERSION, build_mappings, count_fields
from scorelens_store.elasticsearch.settings import ElasticsearchSettings
from scorelens_store.elasticsearch.unindexed import NUMBER_NAME_LIMIT

Template = dict[str, Any]

FORGOTTEN_INDEX: Final[Template] = {
    "settings": {"index": {"number_of_shards": 1, "auto_expand_replicas": "0-1", "hidden": True}},
    "mappings": {"dynamic": False, "properties": {"hash": {"type": "keyword"}}},
}
"""What makes the index of tombstones where nobody has set it up."""

_EVERY_LENGTH: Final = 2**31 - 1
_DESCRIPTIONS: Final = {
    "mappings": "How scorelens indexes the fields of a record",
    "settings": "How scorelens lays out its indices",
}


def mappings_name(prefix: str) -> str:
    """Return the name of the component template that has the mapping."""
    return f"{prefix}@mappings"


def settings_name(prefix: str) -> str:
    """Return the name of the component template that has the settings."""
    return f"{prefix}@settings"


def custom_name(prefix: str) -> str:
    """Return the name of the component template that belongs to whoever runs the server."""
    return f"{prefix}@custom"


def forgotten_name(prefix: str) -> str:
    """Return the name of the index of tombstones."""
    return f"{prefix}-forgotten"


def component_templates(settings: ElasticsearchSettings) -> dict[str, Template]:
    """Return the component templates by name."""
    mappings = build_mappings(settings.analyzer)
    parts = {
        mappings_name(settings.prefix): ("mappings", mappings),
        settings_name(settings.prefix): ("settings", {"index": _index_settings(settings, count_fields(mappings))}),
    }
    return {
        name: {"version": VERSION, "_meta": {"description": _DESCRIPTIONS[part]}, "template": {part: content}}
        for name, (part, content) in parts.items()
    }


def index_template(settings: ElasticsearchSettings) -> Template:
    """Return the template that composes them; its alias, named as the prefix, reads all indices."""
    prefix = settings.prefix
    return {
        "index_patterns": [index_pattern(prefix)],
        # Of two prefixes of which one begins the other, the longer one is meant.
        "priority": 200 + len(prefix),
        "version": VERSION,
        "_meta": {"period": settings.period, "description": "Records of scorelens"},
        "composed_of": [mappings_name(prefix), settings_name(prefix), custom_name(prefix)],
        "ignore_missing_component_templates": [custom_name(prefix)],
        "template": {"aliases": {prefix: {}}},
    }


def forgotten_index(settings: ElasticsearchSettings) -> Template:
    """Return what makes the index of tombstones; its `_meta` tells those who may not read templates of the setup."""
    meta = {"version": VERSION, "period": settings.period}
    return {**FORGOTTEN_INDEX, "mappings": {"_meta": meta, **FORGOTTEN_INDEX["mappings"]}}


def _index_settings(settings: ElasticsearchSettings, fields: int) -> Template:
    replicas = "auto_expand_replicas" if "-" in settings.replicas else "number_of_replicas"
    return {
        "number_of_shards": settings.shards,
        replicas: settings.replicas,
        "codec": settings.codec,
        **({"refresh_interval": f"{max(1, round(settings.refresh * 1000))}ms"} if settings.refresh else {}),
        # What is forgotten can be merged out of any segment, however little of it was removed.
        "merge": {"policy": {"expunge_deletes_allowed": 0}},
        "mapping": {
            "source": {"mode": settings.source_mode},
            "total_fields": {"limit": fields + settings.number_fields, "ignore_dynamic_beyond_limit": True},
            "field_name_length": {"limit": NUMBER_NAME_LIMIT},
        },
        # Kibana marks the words of whatever it shows; a text beyond the usual million characters would fail its search.
        "highlight": {"max_analyzed_offset": _EVERY_LENGTH},
    }
