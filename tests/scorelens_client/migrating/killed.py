"""Migrates, and is killed without any warning once so many batches were stored: killed.py SOURCE TARGET BATCHES."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

from scorelens_client.migrating import pairs
from scorelens_client.migrating.run import Plan, Run
from scorelens_store.contract import PutResult, Record
from tests.scorelens_client.migrating.places import Watcher, source, target

TOGETHER = 7


def main(begin: str, end: str, batches: int) -> None:
    """Kill this process before the answers of a batch are looked at, with others on their way."""
    pairs.TOGETHER = TOGETHER  # type: ignore[misc]
    filling = target(end)
    put, lock, left = filling.put, threading.Lock(), batches

    def counted(records: list[Record]) -> list[PutResult]:
        nonlocal left
        results = put(records)
        with lock:
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return results

    changed: Any = filling
    changed.put = counted
    Run(source(begin), filling, Plan(), Watcher()).migrate()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
