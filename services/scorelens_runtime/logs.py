"""Logging: one JSON line per event on standard error, never one per call."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

_ONE_LINE_PER_REQUEST = ("elastic_transport",)
"""Libraries that tell of every request at level info."""

_ONE_LINE_PER_TRY = ("elastic_transport.node_pool",)
"""Libraries that warn of every try at a server that is away; the store tells once."""

_GONE_CALLER = "ExecuteBatchError"
"""What gRPC's event loop logs, with a trace, for each call whose caller went away while the answer was written."""

_STANDARD = frozenset(vars(logging.makeLogRecord({})))


class JsonFormatter(logging.Formatter):
    """Writes time, level, component, message and the `extra` fields of a log call as one JSON object."""

    def __init__(self, component: str) -> None:
        super().__init__()
        self.component = component

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "component": self.component,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD and key != "message"}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def set_up(component: str, level: str = "info") -> None:
    """Send the logs of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(component))
    handler.addFilter(_is_for_somebody)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for library in _ONE_LINE_PER_REQUEST:
        logging.getLogger(library).setLevel(max(logging.WARNING, logging.getLogger().level))
    for library in _ONE_LINE_PER_TRY:
        logging.getLogger(library).setLevel(max(logging.ERROR, logging.getLogger().level))


def _is_for_somebody(record: logging.LogRecord) -> bool:
    kind = record.exc_info[0] if record.exc_info else None
    return kind is None or kind.__name__ != _GONE_CALLER
