"""Runs a command that must not outlive the tests: `python lifeline.py FOLDER COMMAND...`.

The command runs as the owner of the folder. Standard input is the lifeline: "t" ends the command as SIGTERM does, "k"
kills it with all its children, and the end of input, which even a killed test run leaves behind, kills them and removes
the folder. Ends when they all have ended.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

CHILDREN_LIMIT = 10.0
"""Seconds that killed children get to give back their files and ports."""


def main(folder: Path, command: list[str]) -> int:
    """Return the command's exit status."""
    user, group, extra_groups = _owner(folder)
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        user=user,
        group=group,
        extra_groups=extra_groups,
    )
    abandoned = threading.Event()
    threading.Thread(target=_listen, args=(process.pid, abandoned), daemon=True).start()
    status = process.wait()
    limit = time.monotonic() + CHILDREN_LIMIT
    while _kill(process.pid) and time.monotonic() < limit:
        time.sleep(0.02)
    if abandoned.is_set():
        shutil.rmtree(folder, ignore_errors=True)
    return status


def _owner(folder: Path) -> tuple[int | None, int | None, list[int] | None]:
    about = folder.stat()
    return (about.st_uid, about.st_gid, []) if os.geteuid() == 0 else (None, None, None)


def _listen(group: int, abandoned: threading.Event) -> None:
    while said := os.read(0, 1):
        if said == b"t":
            os.kill(group, signal.SIGTERM)
        else:
            _kill(group)
    abandoned.set()
    _kill(group)


def _kill(group: int) -> bool:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
        return True
    return False


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # only the lifeline ends it
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
