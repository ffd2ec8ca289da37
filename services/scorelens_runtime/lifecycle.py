"""How a process that a supervisor started tells that it serves, and learns that it should end.

The supervisor hands down two pipes by number: SCORELENS_READY_FD, on which the child writes one JSON line once it
serves, and SCORELENS_LIFELINE_FD, whose other end only the supervisor holds, so that its death, of whatever kind, is
the child's signal to drain. A process that was started by hand has neither.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import threading
from collections.abc import Callable

READY_FD = "SCORELENS_READY_FD"
LIFELINE_FD = "SCORELENS_LIFELINE_FD"

_LOOK = 0.2
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


def on_signal(call: Callable[[], object], *numbers: signal.Signals) -> None:
    """Have a function called, in a thread of its own, whenever a signal comes: SIGTERM or SIGINT, or those given.

    A handler of Python runs amid whatever the main thread does, such as waiting for an event whose lock it holds at
    that moment; setting that event from the handler would wait for ever. This handler takes no lock.
    """
    came: queue.SimpleQueue[int] = queue.SimpleQueue()

    def hear() -> None:
        while True:
            came.get()
            call()

    for number in numbers or (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: came.put(number))
    threading.Thread(target=hear, name="signals", daemon=True).start()


def wait_for(told: threading.Event) -> None:
    """Wait for an event that a signal sets, in the main thread.

    The system may give a signal to any thread, and Python's handler runs in the main one, which nothing else wakes.
    """
    while not told.wait(_LOOK):
        pass


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
