"""The envelope of a saved object, and the JSON texts that Kibana keeps within it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from scorelens_client.kibana.versions import CORE, TYPES

Json = dict[str, Any]


def saved_object(kind: str, id: str, attributes: Json, references: Sequence[Json] = ()) -> Json:  # noqa: A002
    """Return an object as an export of Kibana has it."""
    return {
        "id": id,
        "type": kind,
        "attributes": attributes,
        "references": list(references),
        "coreMigrationVersion": CORE,
        "typeMigrationVersion": TYPES[kind],
        "managed": False,
    }


def reference(kind: str, id: str, name: str) -> Json:  # noqa: A002
    """Return a reference, by whose name the attributes mean another object."""
    return {"type": kind, "id": id, "name": name}


def text(value: object) -> str:
    """Return JSON as the text that stands within an attribute, always the same for the same value."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
