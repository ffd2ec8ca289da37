"""Whether a sidecar can do its work: its relay takes calls and its spool takes records. The scorer is not asked."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Callable
from pathlib import Path

from scorelens_sidecar.relay_state import RelayState
from scorelens_sidecar.settings import SidecarSettings
from scorelens_sidecar.spool.folders import relay_folder
from scorelens_sidecar.spool.quota import bytes_on_disk

_FULL = frozenset((errno.ENOSPC, errno.EDQUOT))


def objection(settings: SidecarSettings, ask: Callable[[], RelayState | None]) -> str:
    """Return why a sidecar is not ready, or an empty text.

    A full disk or spool drops records and stops no call, so that it is told by metrics alone; only where records are
    required is a full one not ready, because it refuses calls.
    """
    state = ask()
    if state is None:
        return "the relay does not answer"
    if state.draining:
        return "draining"
    return _of_spool(relay_folder(settings.folder), settings)


def _of_spool(folder: Path, settings: SidecarSettings) -> str:
    is_required = settings.mode == "required"
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")  # a full disk makes files, and takes nothing into them
            file.flush()
    except OSError as error:
        if is_required or error.errno not in _FULL:
            return f"the spool is not writable: {error.strerror}"
    if is_required and bytes_on_disk(folder) >= settings.spool_bytes:
        return "the spool is full, and --mode required refuses calls"
    return ""
