"""What a file system holds, without following links and without what a container mounts."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

MOUNTED: Final = ("dev", "proc", "sys")


class Entry(NamedTuple):
    """One file, folder or link: all that could differ between two builds."""

    kind: str
    mode: int
    user: int
    group: int
    modified: int
    content: str


def walk(root: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield each path below a root, relative to it, with what the file system knows of it."""
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        if here == root:
            folders[:] = [name for name in folders if name not in MOUNTED]
        for name in sorted([*folders, *files]):
            yield (here / name).relative_to(root), (here / name).lstat()


def tree(root: Path) -> dict[str, Entry]:
    """Return everything below a root by its path."""
    return {
        str(path): Entry(
            {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}.get(
                stat.S_IFMT(about.st_mode), "other"
            ),
            stat.S_IMODE(about.st_mode),
            about.st_uid,
            about.st_gid,
            int(about.st_mtime),
            _content(root / path, about.st_mode),
        )
        for path, about in walk(root)
    }


def size(root: Path) -> int:
    """Return the bytes of all files below a root; a file with several names counts once."""
    files = {(about.st_dev, about.st_ino): about.st_size for _, about in walk(root) if stat.S_ISREG(about.st_mode)}
    return sum(files.values())


def _content(path: Path, mode: int) -> str:
    if stat.S_ISLNK(mode):
        return str(path.readlink())
    return hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(mode) else ""
