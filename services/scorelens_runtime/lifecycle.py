"""How a process that a supervisor started tells that it serves, and learns that it should end.

The supervisor hands down two pipes by number: SCORELENS_READY_FD, on which the child writes one JSON line once it
serves, and SCORELENS_LIFELINE_FD, whose other end only the supervisor holds, so that its death, of whatever kind, is
the child's signal to drain. A process that was started by hand has neither.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import threading

READY_FD = "SCORELENS_READY_FD"
LIFELINE_FD = "SCORELENS_LIFELINE_FD"

_log = logging.getLogger(__name__)


def announce(address: str, **details: object) -> None:
    """Tell the supervisor and the log that this process serves at an address."""
    _log.info("serving", extra={"address": address, **details})
    number = os.environ.pop(READY_FD, None)
    if number is not None:
        line = json.dumps({"address": address, "pid": os.getpid(), **details}) + "\n"
        try:
            with open(int(number), "wb") as pipe:  # noqa: PTH123
                pipe.write(line.encode())
        except OSError as error:
            # Ordinary for a process that was started again: its supervisor does not wait a second time.
            _log.debug("nobody heard that this process serves", extra={"error": str(error)})


def follow_supervisor() -> None:
    """End this process as SIGTERM would when its supervisor is gone."""
    number = os.environ.pop(LIFELINE_FD, None)
    if number is not None:
        threading.Thread(target=_wait_for_end, args=(int(number),), name="lifeline", daemon=True).start()


def _wait_for_end(pipe: int) -> None:
    try:
        while os.read(pipe, 1):
            pass
    except OSError as error:
        _log.warning("the supervisor's pipe broke", extra={"error": str(error)})
    os.kill(os.getpid(), signal.SIGTERM)
