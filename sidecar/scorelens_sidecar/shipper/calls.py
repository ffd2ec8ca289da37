"""Calls by method, status and time, which one destination's follower counts on its way (watch/calls.py reads them)."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import grpc

from scorelens_runtime.metrics.counting import Distribution
from scorelens_sidecar.captured import NO_STATUS, CapturedCall, Part
from scorelens_sidecar.watch.calls import FILE
from scorelens_sidecar.watch.metrics import CALL_DURATION

OTHER: Final = "other"
MOST_METHODS: Final = 64
"""Methods that are told apart; callers choose the paths of calls, so that there may be any number."""

_LONGEST_METHOD: Final = 200
_STATUSES: Final = {code.value[0]: code.name for code in grpc.StatusCode}
_UNIMPLEMENTED: Final = grpc.StatusCode.UNIMPLEMENTED.value[0]

Ended = tuple[str, str, float]
"""Method, status and seconds of a call."""

_log = logging.getLogger(__name__)


class CallCounts:
    """Counts calls that have ended. Used by one thread, written by another."""

    def __init__(self, folder: Path) -> None:
        """Take the folder of the sidecar, where the counts are written."""
        self._path = folder / FILE
        self._methods: dict[bytes, str] = {}
        self._distribution = Distribution(CALL_DURATION)
        self._last: list[Any] | None = None

    def ended(self, call: CapturedCall) -> Ended | None:
        """Return what is counted of a record; nothing of a message amid a stream, whose end has a record of its own."""
        if call.part is Part.MESSAGE:
            return None
        status = call.end.name if call.status == NO_STATUS else _STATUSES.get(call.status, "UNKNOWN")
        return self._method(call), status, call.ended_us / 1e6

    def add(self, calls: Iterable[Ended]) -> None:
        """Count calls."""
        for method, status, seconds in calls:
            self._distribution.observe(seconds, method, status)

    def write(self) -> None:
        """Replace the file, where anything has changed; a disk that refuses it costs nothing but the file."""
        calls = [[*labels, spread.counts, spread.sum] for labels, spread in self._distribution.read()]
        if calls == self._last:
            return
        written = self._path.with_suffix(".new")
        try:
            written.write_text(json.dumps({"pid": os.getpid(), "calls": calls}) + "\n")
            written.chmod(0o600)
            written.replace(self._path)
            self._last = calls
        except OSError as error:
            _log.warning("the disk did not take the counts of calls", extra={"error": error.strerror})

    def _method(self, call: CapturedCall) -> str:
        """Return the name of a call's method, as long as it is one of few that the server behind has."""
        method = self._methods.get(call.path)
        if method is None:
            method = call.path.decode(errors="replace").removeprefix("/")
            if call.status == _UNIMPLEMENTED or len(self._methods) >= MOST_METHODS or len(method) > _LONGEST_METHOD:
                return OTHER
            self._methods[call.path] = method
        return method
