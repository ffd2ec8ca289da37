"""When a sidecar is ready, on a disk that is really full."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from scorelens_runtime.settings import read
from scorelens_sidecar.relay_state import RelayState
from scorelens_sidecar.settings import SidecarSettings
from scorelens_sidecar.spool.folders import make_private, relay_folder
from scorelens_sidecar.watch.readiness import objection

SERVING = RelayState(pid=1, started=0.0, draining=False, connections=0, upstream_reached=True)


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """Mount a small disk, put a sidecar's folders on it, and fill it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk takes root")
    try:
        make_private(relay_folder(disk / "sidecar"))
        with (disk / "rest").open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))
        yield disk / "sidecar"
    finally:
        subprocess.run(["umount", disk], check=True)


def settings(folder: Path, mode: str) -> SidecarSettings:
    """Return the settings of a sidecar."""
    return read(SidecarSettings, "sidecar", {"folder": str(folder), "mode": mode})


def test_a_full_disk_matters_where_records_are_required(full: Path) -> None:
    """A sidecar that must record is not ready on a full disk; one that need not is, since its calls go on."""
    assert objection(settings(full, "required"), lambda: SERVING) == (
        "the spool is not writable: No space left on device"
    )
    assert objection(settings(full, "best-effort"), lambda: SERVING) == ""


def test_the_relay_comes_first(tmp_path: Path) -> None:
    """Without a relay that answers, or with one that drains, nothing else is looked at."""
    assert objection(settings(tmp_path, "required"), lambda: None) == "the relay does not answer"
    draining = RelayState(pid=1, started=0.0, draining=True, connections=3, upstream_reached=True)
    assert objection(settings(tmp_path, "required"), lambda: draining) == "draining"
