"""Runs an export again and again, each time killed at the next step of what it changes in its folder.

`python -m tests.scorelens_client.export.killed STORE BASE FOLDER` makes copies FOLDER/0, FOLDER/1 ... of the export
BASE until one is so long that it ends. In each, an export was killed and another one ran after it. Every run is a
process of its own, forked before anything was opened.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from itertools import count
from pathlib import Path
from typing import Any

from scorelens_store.open import open_reader
from tests.scorelens_client.export.exporting import export

STEPS = ("os.rename", "os.remove", "os.rmdir")


def main(store: str, base: str, folder: str) -> None:
    """Kill the export at every step."""
    for step in count():
        out = Path(folder) / str(step)
        shutil.copytree(base, out)
        was_killed = _run(store, out, step)
        assert not _run(store, out, None)
        if not was_killed:
            return


def _run(store: str, out: Path, step: int | None) -> bool:
    """Export in a process of its own; tell whether it was killed."""
    child = os.fork()
    if not child:
        if step is not None:
            _kill_at(step, str(out))
        try:
            export(open_reader(store), out)
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), f"export ended with {status}"
    return status != 0


def _kill_at(step: int, out: str) -> None:
    left = step

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event in STEPS and str(arguments[0]).startswith(out):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


if __name__ == "__main__":
    main(*sys.argv[1:])
