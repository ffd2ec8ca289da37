"""Settings of the console; docs/settings.md lists them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scorelens_runtime.endpoint import Endpoint
from scorelens_runtime.errors import SettingError
from scorelens_runtime.home import default_home
from scorelens_runtime.settings import choice, duration, setting
from scorelens_store.open import read_store


def folder_of(text: str) -> Path:
    """Read the folder of the console's own state."""
    return Path(text).expanduser().absolute() if text else default_home() / "console"


def _other(text: str) -> Endpoint | None:
    return Endpoint.parse(text) if text else None


def _seconds(text: str) -> float:
    seconds = float(duration(text))
    if seconds < 60:
        raise SettingError(f"{text!r} is less than a minute")
    return seconds


@dataclass(frozen=True)
class ConsoleSettings:
    """Where the console listens, what it shows, and who may sign in."""

    listen: Endpoint = setting("127.0.0.1:8585", "Address to serve on.", Endpoint.parse_listen)
    store: str = setting(
        "", "Folder of the embedded store, or the URL of an Elasticsearch (SCORELENS_HOME/store).", read_store
    )
    folder: Path = setting("", "Folder of sessions, saved views and the audit log (SCORELENS_HOME/console).", folder_of)
    indexer: Endpoint | None = setting("", "Address of the indexer, whose account is shown; none shows none.", _other)
    sidecar: Endpoint | None = setting(
        "",
        "Address of the sidecar, which is asked for all terms of a calculation; none shows the recorded ones.",
        _other,
    )

    session_idle: float = setting("8h", "How long a session may rest before one has to sign in again.", _seconds)
    session_age: float = setting("7d", "How long a session lasts at most.", _seconds)

    log_level: str = setting("info", "Least level of log lines.", choice("debug", "info", "warning", "error"))
