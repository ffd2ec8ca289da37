"""Files and folders for their owner's eyes only, replaced at once and durably."""

from __future__ import annotations

import os
from pathlib import Path

from scorelens_store.embedded.files import sync_folder


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are missing, for their owner only."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
        sync_folder(each.parent)


def create(path: Path) -> None:
    """Make an empty file, or empty one."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))


def sync(path: Path) -> None:
    """Make a file's content durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write(path: Path, content: bytes) -> None:
    """Write a file, on disk when the call returns; a crash may leave half of it."""
    create(path)
    path.write_bytes(content)
    sync(path)


def replace(path: Path, content: bytes) -> None:
    """Replace a file at once, on disk when the call returns."""
    new = path.with_name(path.name + ".new")
    write(new, content)
    new.replace(path)
    sync_folder(path.parent)
