"""What each destination is doing now, for people: log lines that do not flood, and the file `shipper.json`.

    {"pid": 1, "time": "...", "destinations": [{"destination": "http://127.0.0.1:4317", "state": "delivering",
     "reason": "", "since": "...", "records": 0, "items": 0, "rejected": 0, "dead_letters": 0, "failures": 0}]}

`state` is "delivering", "waiting" (the receiver is away or busy) or "alarm" (somebody has to do something: credentials,
certificates, address, disk). Counts are of this process; the lasting account is the spool's.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from scorelens_sidecar.dead_letters import now

FILE = "shipper.json"
DELIVERING, WAITING, ALARM = "delivering", "waiting", "alarm"
REPEAT = 60.0
"""Seconds after which a state that lasts is logged again."""

_log = logging.getLogger(__name__)


def states_in(folder: Path) -> dict[str, tuple[str, str]] | None:
    """Return state and reason of each destination as a folder's shipper wrote last; None where nothing tells."""
    try:
        states = json.loads((folder / FILE).read_bytes())["destinations"]
        return {str(each["destination"]): (str(each["state"]), str(each["reason"])) for each in states}
    except (OSError, ValueError, LookupError, TypeError):
        return None


class Health:
    """State and counts of one destination."""

    def __init__(self, destination: str) -> None:
        self._destination = destination
        self._lock = threading.Lock()
        self._state, self._reason, self._since = DELIVERING, "", now()
        self._logged = 0.0
        self._counts = dict.fromkeys(("records", "items", "rejected", "dead_letters", "failures"), 0)

    def delivered(self, **counts: int) -> None:
        """Count what a destination took."""
        with self._lock:
            for name, count in counts.items():
                self._counts[name] += count
            recovered = self._state != DELIVERING
            if recovered:
                self._state, self._reason, self._since = DELIVERING, "", now()
        if recovered:
            _log.info("delivering again", extra={"destination": self._destination})

    def failed(self, reason: str, *, alarm: bool) -> None:
        """Note that the destination took nothing, and why; the records are kept."""
        state = ALARM if alarm else WAITING
        with self._lock:
            self._counts["failures"] += 1
            changed = state != self._state
            if changed:
                self._state, self._since = state, now()
            self._reason = reason
            due = changed or time.monotonic() - self._logged >= REPEAT
            if due:
                self._logged = time.monotonic()
        if due:
            level = logging.ERROR if alarm else logging.WARNING
            extra = {"destination": self._destination, "reason": reason, "since": self._since}
            _log.log(level, "not delivered, everything is kept and tried again", extra=extra)

    def read(self) -> dict[str, Any]:
        """Return state and counts."""
        with self._lock:
            state = {"destination": self._destination, "state": self._state, "reason": self._reason}
            return state | {"since": self._since} | self._counts


class HealthFile:
    """Writes the states of all destinations whenever they changed."""

    def __init__(self, folder: Path, healths: Iterable[Health]) -> None:
        self._path, self._healths = folder / FILE, list(healths)
        self._last: list[dict[str, Any]] | None = None

    def write(self) -> None:
        """Replace the file as a whole; a disk that refuses it costs nothing but the file."""
        states = [health.read() for health in self._healths]
        if states == self._last:
            return
        written = self._path.with_suffix(".new")
        try:
            written.write_text(json.dumps({"pid": os.getpid(), "time": now(), "destinations": states}) + "\n")
            written.chmod(0o600)
            written.replace(self._path)
            self._last = states
        except OSError as error:
            _log.warning("the disk did not take the shipper's state", extra={"error": error.strerror})
