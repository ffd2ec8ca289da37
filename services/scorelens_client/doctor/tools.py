"""The parts' own tools, which print JSON of what is in their folders; they are there where the part is installed."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Final

from scorelens_client.doctor.accounts import sidecar_findings
from scorelens_client.doctor.findings import Finding, fail, ok, skipped
from scorelens_client.doctor.metrics import account_of
from scorelens_client.doctor.places import Places
from scorelens_client.doctor.web import ask

LIMIT: Final = 15.0
"""Seconds that a tool may take; it loads the libraries of its part first."""

_SLOW: Final = f"its tool did not end within {LIMIT:g} s"
_MISSING: Final = re.compile(r"No module named '([^']+)'|needs (\S+), which is not installed")


def sidecar_account(places: Places) -> Iterator[Finding]:
    """Check the account in the sidecar's folder, where there is one on this machine."""
    folder = places.folder("sidecar")
    if folder is None or not folder.path.is_dir():
        yield from _by_metrics(places)
        return
    if not any((folder.path / "spool").glob("relay-*")):
        yield ok("sidecar", "account", f"nothing was recorded in {folder.path} yet")
        return
    lines, reason = _run("scorelens_sidecar.status", "--folder", str(folder.path), "--json")
    if missing := _MISSING.search(reason):
        yield skipped("sidecar", "account", f"needs {missing[1] or missing[2]}: pip install 'scorelens[sidecar]'")
    elif not lines:
        yield fail("sidecar", "account", f"{folder.path} cannot be read: {reason}", "is it the sidecar's folder?")
    else:
        yield from sidecar_findings(lines[0])


def _by_metrics(places: Places) -> Iterator[Finding]:
    place = places.admin("sidecar")
    if place is None:
        advice = "run the doctor where its folder is, or set SCORELENS_SIDECAR_FOLDER or SCORELENS_SIDECAR_ADMIN"
        yield skipped("sidecar", "account", advice)
        return
    try:
        account = account_of(ask(place, "/metrics").text)
    except (OSError, http.client.HTTPException):
        return  # which is said of the admin port itself
    if account is not None:
        yield from sidecar_findings(account)


def _run(module: str, *arguments: str) -> tuple[list[dict[str, Any]], str]:
    """Return the JSON lines that a tool prints, and the last line of why it did not."""
    command = [sys.executable, "-P", "-m", module, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return [], _SLOW
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    said = done.stderr.strip().splitlines()
    return lines, "" if lines or done.returncode == 0 else (said or [f"status {done.returncode}"])[-1].removeprefix(
        "scorelens: "
    )
