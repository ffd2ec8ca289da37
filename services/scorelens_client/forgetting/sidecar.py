"""Sidecars' folders, which their own tool changes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from scorelens_client.forgetting.ids import Ids
from scorelens_runtime.errors import ScorelensError


def forget(folder: Path, ids: Ids, *, dry_run: bool = False) -> dict[str, Any]:
    """Return the report of `python -m scorelens_sidecar.forget`, which has its form. Raises ScorelensError."""
    command = [sys.executable, "-P", "-m", "scorelens_sidecar.forget", "--folder", str(folder), "--json", "--ids", "-"]
    if dry_run:
        command.append("--dry-run")
    given = json.dumps({kind: list(some) for kind, some in ids.items()}).encode()
    done = subprocess.run(command, input=given, capture_output=True, check=False)
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        reason = said[0].removeprefix("scorelens: ") if said else f"it ended with status {done.returncode}"
        raise ScorelensError(f"the tool for the sidecar's folder {folder} failed: {reason}") from None
    return report


def names(folder: Path, ids: Ids) -> Ids:
    """Return what redaction calls documents and customers outside of the sidecar. Raises ScorelensError."""
    found: Ids = forget(folder, ids, dry_run=True)["names"]
    return found
