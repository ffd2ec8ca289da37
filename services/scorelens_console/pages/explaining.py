"""All terms of a calculation, by scoring a record again through the sidecar; kept for a while."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from typing import Final

from starlette.requests import Request

from scorelens_console.web.context import console_of
from scorelens_reading.explain import explain_again
from scorelens_runtime.errors import ScorelensError
from scorelens_store.contract import Record

KEPT: Final = 16
"""Calculations that are kept; each is some megabytes for a long text."""
SECONDS: Final = 300.0


class Kept:
    """The calculations that were asked for last, so that looking at one tag after the other scores once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[str, tuple[float, Record]] = OrderedDict()

    def get(self, key: str) -> Record | None:
        """Return a record that is not too old."""
        with self._lock:
            at, record = self._found.get(key, (-math.inf, None))
            return record if time.monotonic() - at < SECONDS else None

    def put(self, key: str, record: Record) -> None:
        """Keep a record, and forget the oldest."""
        with self._lock:
            self._found[key] = time.monotonic(), record
            self._found.move_to_end(key)
            while len(self._found) > KEPT:
                self._found.popitem(last=False)


def explained(request: Request, record: Record) -> Record:
    """Return a record that may be seen with all its terms. Raises ScorelensError with what to do."""
    console = console_of(request)
    sidecar = console.settings.sidecar
    if sidecar is None:
        raise ScorelensError(
            "all terms are found by scoring the document again, and this console knows no sidecar: "
            "start it with --sidecar HOST:PORT"
        )
    kept: Kept = request.app.state.explained
    found = kept.get(record["record"]["id"])
    if found is None:
        found = explain_again(record, str(sidecar))
        kept.put(record["record"]["id"], found)
    return found
