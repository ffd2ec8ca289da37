"""The embedded store on this machine: a quick look at its files, and its newest record."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from scorelens_client.doctor.findings import Finding, fail, ok
from scorelens_client.doctor.records import PART, newest
from scorelens_store.embedded.check import has_index, quick_check
from scorelens_store.errors import StoreDamagedError
from scorelens_store.open import open_reader

_LOOKS: Final = 3
_PAUSE: Final = 0.3
"""Seconds between looks: while one is made, the indexer may replace the files that it began with."""


def embedded(folder: Path, named_by: str) -> Iterator[Finding]:
    """Check the store in a folder."""
    if not folder.is_dir():
        yield fail(PART, "files", f"there is no folder {folder}", f"correct {named_by}, or mount the volume there")
        return
    if not has_index(folder):
        yield ok(PART, "files", f"{folder} has no records yet")
        return
    if faults := _lasting(folder):
        more = f" and {len(faults) - 1} more" if len(faults) > 1 else ""
        advice = (
            "stop the system, then `scorelens rebuild --check` reads all of it, and "
            "`scorelens rebuild --from-export FOLDER` makes it anew"
        )
        yield fail(PART, "files", f"damaged: {faults[0]}{more}", advice)
        return
    yield ok(PART, "files", f"the files in {folder} are whole, as far as their ends tell")
    try:
        with closing(open_reader(folder)) as reader:
            yield from newest(reader)
    except StoreDamagedError as error:
        yield fail(PART, "files", str(error), "")


def _lasting(folder: Path) -> list[str]:
    """Return the faults that each of several looks finds."""
    faults = quick_check(folder)
    for _ in range(_LOOKS - 1):
        if not faults:
            break
        time.sleep(_PAUSE)
        again = quick_check(folder)
        faults = [fault for fault in faults if fault in again]
    return faults
