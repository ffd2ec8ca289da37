"""What all spans of one OTLP resource have in common."""

from __future__ import annotations

import json
from typing import Any, Final

from scorelens import conventions as names
from scorelens_indexer.attributes import filled
from scorelens_indexer.message_values import value_of
from scorelens_indexer.value_bytes import Value

_OWN_PLACE: Final = (names.SERVICE_NAME, names.SERVICE_INSTANCE_ID, names.DEPLOYMENT_ENVIRONMENT)


_MOST_CHARACTERS: Final = 8192
"""Room for the attributes of one resource. Every record repeats them, so that a resource of megabytes would fill memory
and store with one export."""


def read_origin(resource: Any) -> dict[str, Any]:
    """Return the parts of a record that come of its resource, whose attributes are kept as text whatever their type.

    Attributes for which there is no room are left out, in the order in which they came. Records of one export share
    these parts, so nobody may change them.
    """
    texts = _within_bounds(resource)
    instance, environment = texts.get(names.SERVICE_INSTANCE_ID), texts.get(names.DEPLOYMENT_ENVIRONMENT)
    return filled(
        {
            "service": filled({"name": texts.get(names.SERVICE_NAME), "instance": filled({"id": instance})}),
            "deployment": filled({"environment": filled({"name": environment})}),
            "resource": {name: text for name, text in texts.items() if name not in _OWN_PLACE},
        }
    )


def _within_bounds(resource: Any) -> dict[str, str]:
    texts: dict[str, str] = {}
    room = _MOST_CHARACTERS
    for pair in resource.attributes:
        text = _as_text(value_of(pair.value))
        size = len(pair.key) + len(text)
        if size <= room:
            texts[pair.key] = text
            room -= size
    return texts


def _as_text(value: Value) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=bytes.hex)
