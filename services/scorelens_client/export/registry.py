"""Which folders were exported to, so that forgetting finds them: HOME/exports.json."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

from scorelens_runtime.errors import ScorelensError
from scorelens_store.tables import files


def exports(home: Path) -> list[Path]:
    """Return the export folders of a system that are still there, absolute. Raises ScorelensError."""
    return [folder for folder in known(home) if folder.is_dir()]


def known(home: Path) -> list[Path]:
    """Return the export folders of a system, those among them that are gone as well. Raises ScorelensError."""
    return _read(home / "exports.json")


def remember(home: Path, folder: Path) -> None:
    """Add a folder to those of a system. Raises ScorelensError."""
    path = home / "exports.json"
    try:
        files.make_folder(home)
        lock = os.open(home / "exports.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            listed = _read(path)
            if folder.absolute() not in listed:
                names = [str(each) for each in (*listed, folder.absolute())]
                files.replace(path, json.dumps(names, indent=1).encode())
        finally:
            os.close(lock)
    except OSError as error:
        raise ScorelensError(
            f"the export cannot be noted in {path}, where `scorelens forget` looks it up: {error.strerror}"
        ) from error


def _read(path: Path) -> list[Path]:
    try:
        return [Path(name) for name in json.loads(path.read_text())]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, OSError) as error:
        raise ScorelensError(f"{path} cannot be read ({error}): it lists the folders of `scorelens export`") from error
