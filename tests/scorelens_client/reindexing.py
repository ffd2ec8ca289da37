"""Indexes anew as the command does, and gets a signal while writers wait: reindexing.py STORE SIGNAL."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from scorelens_client.commands.elasticsearch import reindex
from scorelens_runtime.main import main

if __name__ == "__main__":
    number = signal.Signals[f"SIG{sys.argv[2]}"]
    step = reindex._Shown.step

    def struck(self: Any, what: str, done: int, total: int) -> None:
        """Show a step, and be told to end at the worst one."""
        step(self, what, done, total)
        if what == "completing":
            os.kill(os.getpid(), number)

    reindex._Shown.step = struck  # type: ignore[method-assign]
    main(["elasticsearch", "reindex", "--all", "--store", sys.argv[1]])
