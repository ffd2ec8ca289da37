"""The folders of the parts on this machine: there, usable, and with room on their disks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Final

from scorelens_client.doctor.findings import Finding, fail, ok, warn
from scorelens_client.doctor.places import Folder, Places
from scorelens_client.doctor.words import size

WARN_SHARE: Final = 0.10
FAIL_SHARE: Final = 0.02
"""Shares of a disk, and of the files that it may have, that should be free."""


def folders(places: Places) -> Iterator[Finding]:
    """Check each folder that is named or found."""
    for folder in places.folders():
        yield from _folder(folder)


def _folder(folder: Folder) -> Iterator[Finding]:
    part, path = folder.part, folder.path
    if not path.is_dir():
        yield fail(
            part, "folder", f"there is no folder {path}", f"correct {folder.named_by}, or mount the volume there"
        )
        return
    if not os.access(path, os.R_OK | os.X_OK):
        advice = "run the doctor as the user that the part runs as"
        yield fail(part, "folder", f"{path} cannot be read by this user", advice)
        return
    try:
        disk, files = shutil.disk_usage(path), os.statvfs(path)
    except OSError as error:
        yield fail(part, "disk", f"{path}: {error.strerror}", "is its volume still there?")
        return
    inodes = files.f_favail / files.f_files if files.f_files else 1.0
    yield judged(folder, disk.free, disk.total, inodes)


def judged(folder: Folder, free: int, total: int, inodes: float) -> Finding:
    """Judge the room on a folder's disk (pure); `inodes` is the share of files that it may still have."""
    part, text = folder.part, f"{folder.path} has {size(free)} of {size(total)} free"
    share = min(free / total if total else 1.0, inodes)
    if inodes < min(WARN_SHARE, free / total if total else 1.0):
        text = f"{folder.path} has room for {inodes:.0%} more files (inodes)"
    advice = "make room, or give it a larger disk"
    if share < FAIL_SHARE:
        return fail(part, "disk", text, advice)
    if share < WARN_SHARE:
        return warn(part, "disk", text, advice)
    return ok(part, "disk", text)
