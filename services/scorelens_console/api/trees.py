"""The tree of a query as the OpenAPI document describes it; scorelens_store.query.as_json reads it."""

from __future__ import annotations

from typing import Any, Final

from scorelens_store.query.parse import MAX_BOOST, MAX_SLOP

Schema = dict[str, Any]

TREE: Final = "Tree"
"""Name of the schema."""

_SELF: Final = {"$ref": f"#/components/schemas/{TREE}"}
_SCALAR: Final = {"type": ["string", "number", "boolean"]}
_BOUND: Final = {"type": ["string", "number", "boolean", "null"], "default": None}
_FIELD: Final = {"type": "string", "minLength": 1, "description": "Full or short name of a field."}
_TEXT: Final = {"type": "string"}


def tree_schema() -> Schema:
    """Return the schema of a tree."""
    several = {"type": "array", "minItems": 1, "items": _SELF}
    kinds = {
        "everything": _object({}, "Matches every record."),
        "nothing": _object({}, "Matches no record."),
        "all": several | {"description": "Matches what every node matches."},
        "any": several | {"description": "Matches what at least one node matches."},
        "not": {**_SELF, "description": "Matches what the node does not match."},
        "boost": _object(
            {"part": _SELF, "weight": {"type": "number", "minimum": 0, "maximum": MAX_BOOST}},
            "Weighs a node when hits are ordered by relevance.",
        ),
        "equals": _object({"field": _FIELD, "value": _SCALAR}, "A value, or one word of a text, as it was analysed."),
        "phrase": _object(
            {
                "field": _FIELD,
                "words": {"type": "array", "minItems": 2, "items": _TEXT},
                "slop": {"type": "integer", "minimum": 0, "maximum": MAX_SLOP, "default": 0},
            },
            "Words of a text in this order, at most `slop` positions apart.",
        ),
        "range": _object(
            {
                "field": _FIELD,
                "low": _BOUND,
                "high": _BOUND,
                "with_low": {"type": "boolean", "default": True},
                "with_high": {"type": "boolean", "default": True},
            },
            "Values between two bounds; null is open.",
        ),
        "wildcard": _object({"field": _FIELD, "pattern": _TEXT}, "* for any run, ? for any character."),
        "fuzzy": _object(
            {"field": _FIELD, "word": _TEXT, "distance": {"type": "integer", "enum": [1, 2], "default": 2}},
            "Words that differ by so many edits.",
        ),
        "exists": _object({"field": _FIELD}, "Records that have a value."),
    }
    return {
        "type": "object",
        "description": "A query as a tree: an object with one member, which says what it is.",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": kinds,
        "example": {"all": [{"equals": {"field": "kind", "value": "tweet"}}, {"exists": {"field": "title"}}]},
    }


def _object(members: Schema, says: str) -> Schema:
    made: Schema = {"type": "object", "description": says, "additionalProperties": False, "properties": members}
    required = [name for name, schema in members.items() if "default" not in schema]
    return made | ({"required": required} if required else {})
