"""Settings that name files, and those that nobody but the server may see."""

from __future__ import annotations

from pathlib import Path

from scorelens_runtime.errors import SettingError


class Secret(str):
    """Text that shows itself to the server alone."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'…'" if self else "''"


def existing_file(text: str) -> Path | None:
    """Read the name of a file that is there; none is None. Raises SettingError."""
    if not text:
        return None
    path = Path(text).expanduser()
    if not path.is_file():
        raise SettingError(f"there is no file {text!r}")
    return path


def read_secret(path: Path, variable: str) -> str:
    """Return the secret that a file holds. Raises SettingError that names the variable."""
    try:
        secret = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingError(f"setting {variable}: {path} cannot be read") from exc
    if not secret:
        raise SettingError(f"setting {variable}: {path} is empty")
    return secret
