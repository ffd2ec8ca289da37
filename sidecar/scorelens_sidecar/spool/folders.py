"""Where a spool's files are, who may read them, and who owns the folder now."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from scorelens_sidecar.spool.errors import SpoolError, SpoolLockedError

ACCOUNT = "account"
LOCK = "lock"


def relay_folder(home: Path, number: int = 0) -> Path:
    """Name the spool folder of one relay below the sidecar's folder."""
    return home / "spool" / f"relay-{number}"


def relay_folders(home: Path) -> list[Path]:
    """List the spool folders that exist below the sidecar's folder."""
    return sorted(path for path in (home / "spool").glob("relay-*") if path.is_dir())


def make_private(folder: Path) -> None:
    """Create a folder that only its owner can enter; one that exists is closed to others."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise SpoolError(f"cannot use the folder {folder}: {error.strerror}; name another one with --folder") from error


def open_private(path: Path, flags: int) -> int:
    """Open a file that only its owner can read; it is not inherited by other programs."""
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def held_locks(home: Path) -> list[Path]:
    """List the locks below the sidecar's folder that some process holds now."""
    paths = [*(home / "spool").glob(f"relay-*/{LOCK}"), *(home / "spool").glob("relay-*/cursors/*.lock")]
    return [path for path in paths if is_held(path)]


def holder(path: Path) -> int | None:
    """Return the process that has signed the claim on a file and holds it still, None when nobody does."""
    number = path.read_text() if path.exists() and is_held(path) else ""
    return int(number) if number.isdigit() else None


def is_held(path: Path) -> bool:
    """Tell whether some process has a claim on a file now."""
    try:
        Lock(path, "").release()
    except SpoolLockedError:
        return True
    return False


class Lock:
    """An exclusive claim on a file, which ends with the process however it ends."""

    def __init__(self, path: Path, holder: str) -> None:
        """Claim; raises SpoolLockedError when `holder` ("another relay" ...) has it."""
        try:
            self._file = open_private(path, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise SpoolError(f"cannot use the folder {path.parent}: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise SpoolLockedError(f"{holder} already uses {path.parent}; stop it or name another folder") from error

    def sign(self) -> None:
        """Write down which process holds the claim."""
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Give the claim up; more than once does no harm."""
        file, self._file = self._file, -1
        if file >= 0:
            with contextlib.suppress(OSError):
                os.close(file)
