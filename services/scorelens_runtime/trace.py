"""Which call a log line is about: its trace, as the caller's `traceparent` header has it (W3C Trace Context)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?")


def trace_fields(metadata: Iterable[Any] | None) -> dict[str, str]:
    """Return `trace_id` and `span_id` for a log line from a call's metadata; nothing where it has no valid ones."""
    for key, value in metadata or ():
        if key == "traceparent" and isinstance(value, str) and (found := _TRACEPARENT.fullmatch(value)):
            trace_id, span_id = found.groups()
            if trace_id.strip("0") and span_id.strip("0"):
                return {"trace_id": trace_id, "span_id": span_id}
    return {}
