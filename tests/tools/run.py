"""Running other people's commands."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.tools.missing import MissingPartError

UNPRIVILEGED: Final = 65534 if os.geteuid() == 0 else None
"""Who runs what refuses to run as root: nobody, by number; None is the user of the tests."""


def run(
    command: Sequence[str],
    *,
    limit: float,
    environment: Mapping[str, str] | None = None,
    user: int | None = None,
    folder: Path | None = None,
    get: str = "",
) -> str:
    """Return what a command printed; `limit` is in seconds, `user` the number of who runs it, `folder` where.

    Raises MissingPartError with its last line, and `get`, how to get the part, when it fails.
    """
    try:
        done = subprocess.run(
            command,
            env=os.environ | (environment or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=limit,
            cwd=folder,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
    except OSError as error:
        raise MissingPartError(f"{command[0]}: {error.strerror}; {get}") from error
    except subprocess.TimeoutExpired as error:
        raise MissingPartError(f"{shlex.join(command)} took longer than {limit:.0f} s; {get}") from error
    if done.returncode:
        said = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise MissingPartError(f"{shlex.join(command)} failed: {_cause(said)}; {get}")
    return done.stdout


def _cause(lines: Sequence[str]) -> str:
    errors = [line for line in lines if "error" in line.lower()]
    return (errors[0] if errors else lines[-1] if lines else "it said nothing")[:300]
