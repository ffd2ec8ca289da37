"""What all spans of one OTLP resource have in common."""

from __future__ import annotations

import json
from typing import Any, Final

from scorelens import conventions as names
from scorelens_indexer.attributes import filled, plain

_OWN_PLACE: Final = (names.SERVICE_NAME, names.SERVICE_INSTANCE_ID, names.DEPLOYMENT_ENVIRONMENT)


def read_origin(resource: Any) -> dict[str, Any]:
    """Return the parts of a record that come of its resource, whose attributes are kept as text whatever their type.

    Records of one export share these parts, so nobody may change them.
    """
    texts = {pair.key: _as_text(plain(pair.value)) for pair in resource.attributes}
    instance, environment = texts.get(names.SERVICE_INSTANCE_ID), texts.get(names.DEPLOYMENT_ENVIRONMENT)
    return filled(
        {
            "service": filled({"name": texts.get(names.SERVICE_NAME), "instance": filled({"id": instance})}),
            "deployment": filled({"environment": filled({"name": environment})}),
            "resource": {name: text for name, text in texts.items() if name not in _OWN_PLACE},
        }
    )


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
